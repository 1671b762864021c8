"""How a method of a storage class is driven, and how what comes of it is compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from dagster import DagsterInstance
from dagster_cloud_cli.core.errors import DagsterCloudAgentServerError
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.contract.world import World

Arguments: TypeAlias = Callable[[World], SearchStrategy[dict[str, Any]]]


def same(value: Any) -> Any:
    """For answers that need no preparation to be compared."""
    return value


def nothing(_world: World) -> SearchStrategy[dict[str, Any]]:
    """For methods without arguments."""
    return st.just({})


@dataclass(frozen=True, kw_only=True)
class Read:
    """A method that changes nothing: both storages are over one deployment.

    Attributes:
        arguments: What to ask a world for.
        normal: Prepares both answers for the comparison.
        expected: Turns open-source storage's answer into the one that official clients are to
            get, where those differ for a reason that the driver states.
        positional: Whether the official class names its arguments otherwise.
    """

    arguments: Arguments = nothing
    normal: Callable[[Any], Any] = same
    expected: Callable[[World, Mapping[str, Any], Any], Any] | None = None
    positional: bool = False


@dataclass(frozen=True, kw_only=True)
class Change:
    """A method that changes something: done to two deployments with the same contents.

    Attributes:
        arguments: What to do, by what is in both deployments.
        view: What to compare afterwards, read from each deployment's own storage.
        normal: Prepares both answers of the method itself.
        directly: What open-source Dagster calls for the same purpose, if not the same method.
        positional: Whether the official class names its arguments otherwise.
    """

    arguments: Arguments
    view: Callable[[DagsterInstance, Mapping[str, Any]], Any]
    normal: Callable[[Any], Any] = same
    directly: Callable[[DagsterInstance, Mapping[str, Any]], Any] | None = None
    positional: bool = False


@dataclass(frozen=True)
class Excluded:
    """A method that is not compared, and why."""

    reason: str


CLIENT_REFUSES = Excluded("the official class refuses it itself and sends nothing")
BY_CLIENT = Excluded("the official class answers it itself, about itself, and sends nothing")
OWN_CARE = Excluded("the server takes care of its storage itself, and answers that it is done")

Driver: TypeAlias = Read | Change | Excluded


@dataclass(frozen=True)
class Outcome:
    """What came of a call."""

    value: Any = None
    error: str | None = None

    def agrees_with(self, official: Outcome) -> bool:
        """Whether the official client got the same: the same value, or an error as well.

        Errors have the same class, unless the client has only one for all that a server may say.
        """
        if official.error == DagsterCloudAgentServerError.__name__:
            return self.error is not None
        return self == official


def outcome(call: Callable[[], Any], normal: Callable[[Any], Any] = same) -> Outcome:
    """Call, and keep what comes of it."""
    try:
        return Outcome(value=normal(call()))
    except Exception as error:  # noqa: BLE001 every error is an outcome here
        return Outcome(error=type(error).__name__)


def arguments(**strategies: SearchStrategy[Any]) -> SearchStrategy[dict[str, Any]]:
    """Keyword arguments, each by its own strategy."""
    return st.fixed_dictionaries(strategies)


def optional(strategy: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """That, or None."""
    return st.none() | strategy


def some_of(values: Any, *, least: int = 0) -> SearchStrategy[list[Any]]:
    """Some of the values, in any order."""
    return st.lists(st.sampled_from(list(values)), min_size=least, max_size=4, unique=True)


def unordered(values: Any) -> list[str]:
    """A collection whose order nobody promises."""
    return sorted(map(repr, values))
