"""The steps of one location's build: an event as they begin and end, with the time they took."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dagstead.build.events import BuildWarning, Event, OutputLine, StepFinished, StepStarted

OnEvent = Callable[[Event], object]


@dataclass(slots=True)
class RunningStep:
    """A step that is under way."""

    #: What is shown about it when it is done.
    remark: str | None = None


class Steps:
    """Reports one location's steps as events. For one thread."""

    def __init__(self, location: str, on_event: OnEvent, clock: Callable[[], float]) -> None:
        self._location = location
        self._on_event = on_event
        self._clock = clock
        #: The step that is under way, or that failed.
        self.current: str | None = None

    @contextmanager
    def step(self, name: str) -> Iterator[RunningStep]:
        """A step; there is no event of its end when it raises."""
        self.current = name
        self._on_event(StepStarted(location=self._location, step=name))
        begin = self._clock()
        step = RunningStep()
        yield step
        self._on_event(
            StepFinished(
                location=self._location,
                step=name,
                seconds=self._clock() - begin,
                remark=step.remark,
            )
        )

    def warn(self, text: str) -> None:
        """Report what people want to put right."""
        self._on_event(BuildWarning(location=self._location, text=text))

    def line(self, text: str) -> None:
        """Report a line of a program."""
        self._on_event(OutputLine(location=self._location, line=text))
