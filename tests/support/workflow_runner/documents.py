"""A workflow of GitHub as its file says; a key that this runner does not know is refused."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class RunDefaults(_Part):
    """``defaults.run``."""

    shell: str | None = None
    working_directory: str | None = Field(default=None, alias="working-directory")


class Defaults(_Part):
    """``defaults``."""

    run: RunDefaults = RunDefaults()


class Step(_Part):
    """A step of a job or of a composite action."""

    id: str | None = None
    name: str | None = None
    condition: str | None = Field(default=None, alias="if")
    uses: str | None = None
    run: str | None = None
    inputs: dict[str, Any] = Field(default={}, alias="with")
    env: dict[str, Any] = {}
    shell: str | None = None
    working_directory: str | None = Field(default=None, alias="working-directory")
    continue_on_error: Any = Field(default=False, alias="continue-on-error")
    timeout_minutes: float = Field(default=360, alias="timeout-minutes")

    @property
    def title(self) -> str:
        """What a log calls it."""
        return self.name or self.uses or (self.run or "").partition("\n")[0]


class Matrix(_Part):
    """A matrix that only lists its jobs."""

    include: Any


class Strategy(_Part):
    """``strategy``."""

    matrix: Matrix
    fail_fast: bool = Field(default=True, alias="fail-fast")


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class Job(_Part):
    """A job, before its matrix is unfolded."""

    name: str | None = None
    condition: str | None = Field(default=None, alias="if")
    needs: Annotated[list[str], BeforeValidator(_as_list)] = []
    runs_on: str = Field(alias="runs-on")
    environment: str | None = None
    permissions: dict[str, str] = {}
    timeout_minutes: float = Field(default=360, alias="timeout-minutes")
    strategy: Strategy | None = None
    env: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    defaults: Defaults = Defaults()
    steps: list[Step]


class Concurrency(_Part):
    """``concurrency``."""

    group: str
    cancel_in_progress: Any = Field(default=False, alias="cancel-in-progress")


class Filter(_Part):
    """What an event must be like."""

    branches: list[str] = []
    paths: list[str] = []
    types: list[str] = []


class Triggers(_Part):
    """The events that start a workflow."""

    push: Filter | None = None
    pull_request: Filter | None = None
    workflow_dispatch: bool = False

    @classmethod
    def read(cls, document: dict[str, Any]) -> Triggers:
        """From ``on:``, where an event without filters has no value."""
        named = {name: value or {} for name, value in document.items()}
        if "workflow_dispatch" in named:
            named["workflow_dispatch"] = True
        return cls.model_validate(named)


class Workflow(_Part):
    """A whole file."""

    name: str
    triggers: Annotated[Triggers, BeforeValidator(Triggers.read)] = Field(alias="on")
    permissions: dict[str, str]
    concurrency: Concurrency
    defaults: Defaults = Defaults()
    env: dict[str, Any] = {}
    jobs: dict[str, Job]


class _Loader(yaml.SafeLoader):
    """YAML 1.2 as to `on`, `off`, `yes` and `no`, which are texts there."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {
        letter: [each for each in resolvers if each[0] != "tag:yaml.org,2002:bool"]
        for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|false"), list("tf"))


def read_workflow(text: str) -> Workflow:
    """Read a file.

    Raises:
        pydantic.ValidationError: when it says what this runner does not know.
    """
    return Workflow.model_validate(read_yaml(text))


def read_yaml(text: str) -> Any:
    """What a file says."""
    return yaml.load(text, Loader=_Loader)
