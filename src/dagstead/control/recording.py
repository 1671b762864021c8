"""Where acts are recorded: every group of acts is wrapped here, before anybody can call it.

What the trail has of an act is a line of ``trail_table.py``. An act without one does not start.
"""

from __future__ import annotations

import inspect
import logging
import os
import pwd
import socket
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, partial, wraps
from typing import Any, TypeVar, cast

from dagstead.control.actor import NOBODY, SYSTEM, Actor
from dagstead.control.refusals import Refusals
from dagstead.control.trail_table import TRAIL, Quiet
from dagstead.control.trail_words import Call, RowRule
from dagstead.errors import DagsteadError, ForbiddenError, StoreAwayError, UnauthenticatedError
from dagstead.plane.deployments import Deployment
from dagstead.plane.refused_callers import ending_of
from dagstead.plane.tokens import Token, TokenKind
from dagstead.plane.trail import Entry, Result, Who, WhoKind, differences
from dagstead.store.all import Store
from dagstead.store.refused_callers import RefusedCallerStore
from dagstead.store.trail import Trace, TrailStore

logger = logging.getLogger(__name__)

G = TypeVar("G")

_KINDS = {
    TokenKind.AGENT: WhoKind.AGENT,
    TokenKind.POOL: WhoKind.POOL,
    TokenKind.WORKER: WhoKind.CODE,
    TokenKind.METRICS: WhoKind.METRICS,
}
_UNEXPECTED = "It failed on the server; the log has why."


@dataclass(slots=True)
class SurfaceAct:
    """An act of a surface under way: what is learned of it before it ends."""

    entry: Entry

    def failed(self, reason: str | None, result: Result = Result.FAILED) -> None:
        """It did not do what was asked, and says so in its answer."""
        self.entry = replace(self.entry, result=result, reason=reason)

    def did(self, **after: Any) -> None:
        """What is there now."""
        self.entry = replace(self.entry, after=after)


@dataclass(frozen=True, slots=True)
class Recorder:
    """Adds to the trail what was done, and what was refused. It never fails an act."""

    store: TrailStore
    callers: RefusedCallerStore
    refusals: Refusals = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "refusals", Refusals(self.store.clock))

    def run(self, store: Store, rule: RowRule, call: Call, do: Callable[[], Any]) -> Any:
        """Do an act, and record it as its rule says."""
        actor = rule.who(store, call)
        if actor is None or (actor == SYSTEM and not rule.by_system):
            return do()
        entry = Entry(
            who=who_of(actor),
            act=call.act,
            result=Result.DONE,
            deployment=rule.place(call),
            object=rule.on(call),
        )
        entry = replace(entry, before=_state(rule, store, call))
        with self.store.beginning(entry) as begun:
            try:
                call.result = do()
            except Exception as error:
                self._ended_by(error, entry, begun)
                raise
        after = _state(rule, store, call) if rule.after is None else rule.after(call)
        before, after = differences(entry.before, after) if rule.state else (None, after)
        done = replace(
            entry,
            # It may have got its name only now.
            object=rule.on(call),
            before=before,
            after=after,
        )
        if rule.is_counted:
            self._count(done)
        else:
            self.add(done, begun)
        return call.result

    @contextmanager
    def doing(
        self, actor: Actor, act: str, deployment: str | None, named: str | None
    ) -> Iterator[SurfaceAct]:
        """Record what a surface does without an act of ours, within the block.

        Args:
            actor: does it.
            act: its name.
            deployment: of the object.
            named: the object, in words.
        """
        entry = Entry(
            who=who_of(actor), act=act, result=Result.DONE, deployment=deployment, object=named
        )
        doing = SurfaceAct(entry=entry)
        begun = self.store.begin(entry)
        try:
            yield doing
        except Exception as error:
            self._ended_by(error, doing.entry, begun)
            raise
        if doing.entry.result is Result.DONE:
            self.add(doing.entry, begun)
        else:
            self._drop(begun)
            self._count(doing.entry)

    def refused(
        self,
        actor: Actor,
        act: str,
        error: DagsteadError,
        deployment: str | None = None,
        named: str | None = None,
    ) -> None:
        """Record that something was refused, together with others of its kind."""
        if error.is_recorded:
            return
        error.is_recorded = True
        self._count(
            Entry(
                who=who_of(actor),
                act=act,
                result=Result.REFUSED,
                deployment=deployment,
                object=named,
                reason=error.message,
            )
        )

    def add(self, entry: Entry, begun: Trace | None = None) -> None:
        """Add a row. What cannot be written now is in the log, and the act is not failed."""
        try:
            self.store.append(entry, begun)
        except Exception:
            logger.exception("Could not add to the trail: %r", entry)

    def write_down(self, *, all_of_them: bool = False) -> None:
        """Add rows for what was counted in hours that are over."""
        for entry in self.refusals.over(all_of_them=all_of_them):
            self.add(entry)
        sightings = self.refusals.sightings(all_of_them=all_of_them)
        self.callers.note([each for each in sightings if each.is_of_caller])

    def _count(self, entry: Entry) -> None:
        for due in self.refusals.count(entry):
            self.add(due)

    def _ended_by(self, error: Exception, entry: Entry, begun: Trace) -> None:
        if isinstance(error, StoreAwayError) and not begun.is_left:
            return
        known = isinstance(error, DagsteadError) and not isinstance(error, StoreAwayError)
        is_refusal = isinstance(error, ForbiddenError | UnauthenticatedError)
        ended = replace(
            entry,
            result=Result.REFUSED if is_refusal else Result.FAILED,
            reason=cast("DagsteadError", error).message if known else _UNEXPECTED,
            before=None,
        )
        if known:
            cast("DagsteadError", error).is_recorded = True
        if begun.is_left and not known:
            self.add(ended, begun)
            return
        self._drop(begun)
        self._count(ended)

    def _drop(self, begun: Trace) -> None:
        try:
            self.store.drop(begun)
        except StoreAwayError as error:
            logger.warning("A trace of an act is left in the trail: %s", error.reason)


def recorded(kind: type[G], group: str) -> type[G]:
    """A group of acts whose acts leave rows, as the table says.

    Raises:
        LookupError: when the table does not say of each.
    """
    return cast("type[G]", _recorded(cast("Hashable", kind), group))


@cache
def _recorded(kind: Hashable, group: str) -> type:
    assert isinstance(kind, type)  # noqa: S101 - for the type checker
    methods = {
        name: _wrapped(function, f"{group}.{name}")
        for name, function in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }
    more = {"__slots__": (), "__module__": kind.__module__, "__doc__": kind.__doc__, **methods}
    return type(kind.__name__, (kind,), more)


def who_of(actor: Actor) -> Who:
    """Who an actor is, for the trail."""
    token = actor.token
    if token is not None:
        return Who(
            kind=_kind(token),
            name=token.worker.name if token.worker else token.name,
            token_id=token.id,
            project=token.project.path if token.project else token.repository,
            address=actor.address,
        )
    if not actor.is_system:
        return Who(kind=WhoKind.NOBODY, name=actor.name, address=actor.address)
    if actor.name == SYSTEM.name:
        return Who(kind=WhoKind.SYSTEM, name=actor.name, address=actor.address)
    return Who(kind=WhoKind.COMMAND_LINE, name=_user_here(), address=socket.gethostname())


def _kind(token: Token) -> WhoKind:
    if token.kind is TokenKind.USER:
        return WhoKind.CI if token.project or token.repository else WhoKind.PERSON
    return _KINDS[token.kind]


def _user_here() -> str:
    """The user of this process, and on whose behalf it became that one."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = f"user {os.getuid()}"
    before = os.environ.get("SUDO_USER")
    return f"{name} for {before}" if before and before != name else name


def _wrapped(function: Callable[..., Any], act: str) -> Callable[..., Any]:
    rule = TRAIL.get(act)
    if rule is None:
        msg = f"Say in control/trail_table.py what the trail has of {act}."
        raise LookupError(msg)
    parameters = inspect.signature(function)
    has_actor = "actor" in parameters.parameters
    if isinstance(rule, Quiet):
        if "address" in parameters.parameters:
            return _of_strangers(function, act)
        return _quiet(function, act) if has_actor else function

    @wraps(function)
    def loud(self: Any, *values: Any, **named: Any) -> Any:
        given = parameters.bind(self, *values, **named)
        given.apply_defaults()
        call = Call(act=act, given=given.arguments)
        recorder: Recorder = self._backend.recorder
        return recorder.run(
            self._backend.store, rule, call, partial(function, self, *values, **named)
        )

    return loud


def _quiet(function: Callable[..., Any], act: str) -> Callable[..., Any]:
    """Of these, only refusals are recorded: many come with every poll."""

    @wraps(function)
    def quiet(self: Any, actor: Actor, *values: Any, **named: Any) -> Any:
        try:
            return function(self, actor, *values, **named)
        except ForbiddenError as error:
            recorder: Recorder = self._backend.recorder
            first = values[0] if values else None
            place = first.name if isinstance(first, Deployment) else None
            others = values if place is None else values[1:]
            recorder.refused(actor, act, error, place, _named(others, named))
            raise

    return quiet


def _of_strangers(function: Callable[..., Any], act: str) -> Callable[..., Any]:
    """Of these, only what nobody knows is recorded: it comes with every call."""

    @wraps(function)
    def known(self: Any, secret: str, address: str | None = None) -> Any:
        try:
            return function(self, secret, address)
        except UnauthenticatedError as error:
            recorder: Recorder = self._backend.recorder
            named = error.token or ending_of(secret)
            recorder.refused(replace(NOBODY, address=address), act, error, named=named)
            raise

    return known


def _named(values: tuple[Any, ...], named: dict[str, Any]) -> str | None:
    """What was asked for, as far as it is a plain name or number."""
    given = [*values, *named.values()]
    return next((str(each) for each in given if isinstance(each, str | int)), None)


def _state(rule: RowRule, store: Store, call: Call) -> Any:
    if rule.state is None:
        return None
    try:
        return rule.state(store, call)
    except DagsteadError:
        # There is no such thing, or not any more.
        return None
