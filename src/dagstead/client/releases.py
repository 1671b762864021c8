"""Releases of a control plane, as the repository's side sees them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dagstead.client.connection import Connection
from dagstead.client.refusals import ERROR_MEMBERS, succeeded
from dagstead.errors import RefusedError

_FIELDS = """
  number state atomic cause undoes backTo commitHash url by removes reason createdAt endedAt
  parts {
    locationName queue state phase agents document
    error { message stack causes { message stack } }
  }
"""
_RESULT = f"""
  ... on Release {{ {_FIELDS} }}
  ... on InvalidLocationError {{ errors }}
  {ERROR_MEMBERS}
"""
_CREATE = (
    "mutation ($document: GenericScalar!, $atomic: Boolean, $removeOthers: Boolean, "
    "$commitHash: String, $url: String) { result: createRelease(document: $document, "
    "atomic: $atomic, removeOthers: $removeOthers, commitHash: $commitHash, url: $url) "
    f"{{ {_RESULT} }} }}"
)
_END = (
    "mutation ($number: Int!, $reason: String!) "
    f"{{ result: endRelease(number: $number, reason: $reason) {{ {_RESULT} }} }}"
)
_ROLL_BACK = (
    "mutation ($number: Int, $whole: Boolean, $confirmed: [String!]) "
    "{ result: rollBack(number: $number, wholeDeployment: $whole, confirmed: $confirmed) "
    f"{{ {_RESULT} }} }}"
)
_PLAN = (
    "query ($number: Int, $whole: Boolean) "
    "{ result: rollbackPlan(number: $number, wholeDeployment: $whole) "
    "{ undoes backTo removes stays ends needsConfirmation returns { locationName release } } }"
)
_SHOW = f"query ($number: Int!) {{ result: release(number: $number) {{ {_FIELDS} }} }}"
_LIST = f"query ($limit: Int) {{ result: releases(limit: $limit) {{ {_FIELDS} }} }}"
_DEPLOYED = (
    "{ result: deployedLocations { locationName queue release commitHash isLoading notice } }"
)
_UNSERVED = "query ($l: [LocationOnQueue!]!) { result: unserved(locations: $l) }"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleasePart:
    """One location of a release."""

    location: str
    queue: str | None
    #: ``loading``, ``loaded``, ``live``, ``failed``, ``back`` or ``superseded``.
    state: str
    #: Of one that is loading: ``queued``, ``taken`` or ``importing``.
    phase: str
    #: Live agents that serve its queue.
    agents: tuple[str, ...]
    #: The error of its code, with the traceback.
    error: str | None
    #: What was deployed, in the form of ``dagster_cloud.yaml``.
    document: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """The present state of a release, without fields that only newer servers know."""

    number: int
    #: ``loading``, ``live``, ``partial``, ``failed`` or ``superseded``.
    state: str
    atomic: bool
    #: ``deploy`` or ``rollback``.
    cause: str
    #: The release that a rollback undoes, or the one that it returns the whole deployment to.
    undoes: int | None
    back_to: int | None
    commit_hash: str | None
    url: str | None
    by: str | None
    removes: tuple[str, ...]
    reason: str | None
    created_at: float
    ended_at: float | None
    parts: tuple[ReleasePart, ...]

    @property
    def is_open(self) -> bool:
        """Whether it may still change."""
        return self.state == "loading"


@dataclass(frozen=True, kw_only=True, slots=True)
class RollbackPlan:
    """What a rollback would change."""

    #: The release that it undoes, or the one that it returns the whole deployment to.
    undoes: int | None
    back_to: int | None
    #: By location, the release that brought what it returns to, if that is recorded.
    returns: Mapping[str, int | None]
    removes: tuple[str, ...]
    #: Locations of the release that were changed since then.
    stays: tuple[str, ...]
    #: Open releases.
    ends: tuple[int, ...]
    needs_confirmation: bool

    @property
    def changes(self) -> tuple[str, ...]:
        """The locations that it changes or removes."""
        return (*self.returns, *self.removes)


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveLocation:
    """What is live of a location."""

    location: str
    queue: str | None
    release: int | None
    #: The commit that it was deployed from; ``None`` when nobody said.
    commit_hash: str | None
    is_loading: bool
    notice: str | None


@dataclass(frozen=True, slots=True)
class Releases:
    """Begin, watch and end releases. Each method raises what :class:`Connection` does."""

    connection: Connection

    def create(
        self,
        locations: Sequence[Mapping[str, Any]],
        *,
        atomic: bool = True,
        remove_others: bool = False,
        commit_hash: str | None = None,
        url: str | None = None,
    ) -> Release:
        """Begin a release of these entries.

        Raises:
            RefusedError: with the server's sentences.
        """
        return self._result(
            _CREATE,
            document={"locations": [dict(each) for each in locations]},
            atomic=atomic,
            removeOthers=remove_others,
            commitHash=commit_hash,
            url=url,
        )

    def show(self, number: int) -> Release:
        """The present state of one release."""
        return _release(self.connection.graphql(_SHOW, number=number)["result"])

    def newest(self, limit: int | None = None) -> list[Release]:
        """Releases, the newest first."""
        found = self.connection.graphql(_LIST, limit=limit)["result"]
        return [_release(each) for each in found]

    def end(self, number: int, reason: str) -> Release:
        """End one that is loading; nothing happens to one that is not."""
        return self._result(_END, number=number, reason=reason)

    def plan_rollback(self, number: int | None, *, whole_deployment: bool) -> RollbackPlan:
        """What a rollback would change now."""
        found = self.connection.graphql(_PLAN, number=number, whole=whole_deployment)["result"]
        return RollbackPlan(
            undoes=found["undoes"],
            back_to=found["backTo"],
            returns={each["locationName"]: each["release"] for each in found["returns"]},
            removes=tuple(found["removes"]),
            stays=tuple(found["stays"]),
            ends=tuple(found["ends"]),
            needs_confirmation=found["needsConfirmation"],
        )

    def roll_back(
        self,
        number: int | None,
        *,
        whole_deployment: bool = False,
        confirmed: Sequence[str] | None = None,
    ) -> Release:
        """Undo one release, or return the whole deployment to one.

        Returns:
            The release that was begun, or the one that was still loading and is ended.
        """
        return self._result(
            _ROLL_BACK,
            number=number,
            whole=whole_deployment,
            confirmed=None if confirmed is None else list(confirmed),
        )

    def unserved(
        self,
        queues: Mapping[str, str | None],
        pythons: Mapping[str, str],
        images: Collection[str] = (),
    ) -> list[str]:
        """Why a release of these locations, by name with their queues, would be refused."""
        locations = [
            {
                "name": name,
                "queue": queue,
                "python": pythons.get(name),
                # Left out where it can be: an older server does not know it.
                **({"isImage": True} if name in images else {}),
            }
            for name, queue in queues.items()
        ]
        return [str(each) for each in self.connection.graphql(_UNSERVED, l=locations)["result"]]

    def deployed(self) -> list[LiveLocation]:
        """What is live, by location."""
        return [
            LiveLocation(
                location=each["locationName"],
                queue=each["queue"],
                release=each["release"],
                commit_hash=each["commitHash"],
                is_loading=each["isLoading"],
                notice=each["notice"],
            )
            for each in self.connection.graphql(_DEPLOYED)["result"]
        ]

    def _result(self, query: str, **variables: Any) -> Release:
        found = self.connection.graphql(query, **variables)["result"]
        if found.get("errors"):
            raise RefusedError("\n".join(map(str, found["errors"])))
        return _release(succeeded(found, "Release"))


def _release(found: Mapping[str, Any]) -> Release:
    return Release(
        number=found["number"],
        state=found["state"],
        atomic=found["atomic"],
        cause=found["cause"],
        undoes=found["undoes"],
        back_to=found["backTo"],
        commit_hash=found["commitHash"],
        url=found["url"],
        by=found["by"],
        removes=tuple(found["removes"]),
        reason=found["reason"],
        created_at=found["createdAt"],
        ended_at=found["endedAt"],
        parts=tuple(_part(each) for each in found["parts"]),
    )


def _part(found: Mapping[str, Any]) -> ReleasePart:
    return ReleasePart(
        location=found["locationName"],
        queue=found["queue"],
        state=found["state"],
        phase=found["phase"],
        agents=tuple(found["agents"]),
        error=None if found["error"] is None else error_text(found["error"]),
        document=found["document"],
    )


def error_text(error: Mapping[str, Any]) -> str:
    """An error with its stack, the cause first, as Python prints it."""
    chain = [*reversed(error.get("causes") or []), error]
    return "\n".join("".join([_line(each["message"]), *each["stack"]]) for each in chain).strip()


def _line(message: str) -> str:
    return message if message.endswith("\n") else f"{message}\n"
