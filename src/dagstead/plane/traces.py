"""Traces: the way of a deploy or a run through commands, requests and agents, as spans of time.

Official agents carry no context of a trace. What belongs to which trace is kept beside the release,
the run and the request (``store/traces.py``); a span is reported when what it measures has ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class TraceKind(StrEnum):
    """What belongs to a trace."""

    RELEASE = "release"
    RUN = "run"
    REQUEST = "request"


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """To the trace that something belongs to."""

    #: In the form of the header ``traceparent``.
    parent: str
    #: Since when, in seconds since 1970.
    at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A time in which something was done."""

    name: str
    began_at: float
    ended_at: float
    attributes: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    #: What went wrong, if anything did.
    error: str | None = None


class Tracer(Protocol):
    """Reports spans, or nothing."""

    @property
    def is_on(self) -> bool:
        """Whether anybody collects spans."""

    def current(self) -> str | None:
        """The span that this is done in, as ``traceparent``; ``None`` outside of any."""

    def record(self, span: Span, parent: str | None) -> str | None:
        """Report a span that is over, and return it as ``traceparent``."""

    def during(
        self, name: str, parent: str | None = None, **attributes: str | int
    ) -> AbstractContextManager[object]:
        """Report what is done in the block; without a parent, as a part of the current span."""


class NoTracer:
    """Nobody collects spans: nothing is computed or stored for any."""

    is_on = False

    def current(self) -> str | None:
        """Nothing."""
        return None

    def record(self, span: Span, parent: str | None) -> str | None:
        """Nothing."""
        del span, parent
        return None

    def during(
        self, name: str, parent: str | None = None, **attributes: str | int
    ) -> AbstractContextManager[object]:
        """Nothing."""
        del name, parent, attributes
        return nullcontext()


NO_TRACER = NoTracer()
