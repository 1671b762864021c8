"""How the parts of a control plane are, over HTTP."""

from __future__ import annotations

from dataclasses import dataclass

from dagstead.client.connection import Connection
from dagstead.plane.problems import Problem, ProblemKind, Weight

_LIST = "{ result: serverParts { name isWell says } }"
_PROBLEMS = """
{ result: problems { kind weight title says deployment since locations runs } }
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedPart:
    """One part, for the list."""

    name: str
    is_well: bool
    #: How it is, in a sentence; if it is not well, also what to do.
    says: str


@dataclass(frozen=True, slots=True)
class Parts:
    """A view of them. It raises what :class:`Connection` does."""

    connection: Connection

    def all(self) -> list[ListedPart]:
        """Each part."""
        return [
            ListedPart(name=each["name"], is_well=each["isWell"], says=each["says"])
            for each in self.connection.graphql(_LIST)["result"]
        ]

    def problems(self) -> list[Problem]:
        """What is wrong now, as the console shows it."""
        return [
            Problem(
                kind=ProblemKind(each["kind"]),
                weight=Weight(each["weight"]),
                title=each["title"],
                says=each["says"],
                deployment=each["deployment"],
                since=each["since"],
                locations=each["locations"],
                runs=each["runs"],
            )
            for each in self.connection.graphql(_PROBLEMS)["result"]
        ]
