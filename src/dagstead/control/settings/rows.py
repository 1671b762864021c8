"""The rows of the tables of settings, and the kinds of values that settings take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from dagstead.errors import InvalidInputError
from dagstead.plane.image_names import check_registry

#: In place of a number of days.
_FOR_EVER = -1


@dataclass(frozen=True, kw_only=True, slots=True)
class HonouredSetting:
    """A setting that changes what happens."""

    #: Its keys, from the outermost, with dots between them.
    path: str
    #: What values it takes, as an annotation for pydantic.
    takes: Any
    #: The same for people.
    values: str
    #: What holds when it is left out.
    default: str
    #: What it does, as a sentence.
    does: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusedSetting:
    """A setting that Dagster or Dagster+ knows and that would change nothing here."""

    #: It stands for everything below it, too.
    path: str
    #: A clause that completes "it changes nothing here: ".
    because: str
    #: What to do or to use, as a sentence.
    instead: str = "Remove it."


Row = HonouredSetting | RefusedSetting


class Section(BaseModel):
    """A mapping without keys that nobody knows."""

    model_config = ConfigDict(extra="forbid")


class PerValue(Section):
    """Every value of the tag has the limit for itself."""

    applyLimitPerUniqueValue: bool  # noqa: N815 - Dagster's spelling


class TagLimitSection(Section):
    """At most so many runs with a tag."""

    key: str
    limit: Annotated[int, Field(ge=0, strict=True)]
    value: str | PerValue | None = None


def _registry(folder: str) -> str:
    try:
        return check_registry(folder)
    except InvalidInputError as error:
        raise ValueError(error.message) from error


def _days(number: int) -> int:
    if number >= 1 or number == _FOR_EVER:
        return number
    msg = f"{_FOR_EVER} is for ever, and everything else at least 1"
    raise ValueError(msg)


COUNT = Annotated[int, Field(ge=0, strict=True)]
AT_LEAST_ONE = Annotated[int, Field(ge=1, strict=True)]
SECONDS = Annotated[float, Field(ge=0, allow_inf_nan=False)]
#: Dagster's own settings take no fractions.
WHOLE_SECONDS = COUNT
KEPT_DAYS = Annotated[int, Field(strict=True), AfterValidator(_days)]
TAG_LIMITS = list[TagLimitSection]
TAGS = dict[str, str]
GRANULARITY = Literal["op", "run"]
UNSERVED = Literal["refuse", "warn", "wait"]
REGISTRIES = list[Annotated[str, AfterValidator(_registry)]]
#: Null among them is the default queue.
QUEUES = list[Annotated[str, Field(min_length=1, pattern=r"\S")] | None]
CONTAINER_KEYS = list[Annotated[str, Field(pattern=r"^[\w*-]+(\.[\w*-]+)*$")]]


class DaysByState(Section):
    """How long ticks are kept, by how they ended."""

    skipped: KEPT_DAYS | None = None
    success: KEPT_DAYS | None = None
    failure: KEPT_DAYS | None = None
    started: KEPT_DAYS | None = None


DAYS_OF_TICKS = KEPT_DAYS | DaysByState
