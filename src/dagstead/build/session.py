"""Builds what a plan says: all locations in one session, several at a time."""

from __future__ import annotations

import shlex
import tempfile
import threading
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from dagstead.build.before import Preparations
from dagstead.build.cache import BuildCache
from dagstead.build.disk import from_os
from dagstead.build.docker import DockerBuilder
from dagstead.build.events import BuildFailed, BuildFinished, BuildStarted, Event
from dagstead.build.model import BuildPlan, DockerPlan, PexPlan, PlannedBuild, PrebuiltPlan
from dagstead.build.options import BuildOptions
from dagstead.build.pex import PexBuilder
from dagstead.build.programs import Programs
from dagstead.build.results import BuildResult, Image, NoArtifact, Result
from dagstead.build.steps import OnEvent, Steps
from dagstead.errors import (
    BuildError,
    BuildStepError,
    BuildStoppedError,
    DagsteadError,
    InvalidInputError,
)

#: How long what nobody uses stays in the cache.
_KEEP_SECONDS = 30 * 24 * 3600.0


def build(plan: BuildPlan, options: BuildOptions, on_event: OnEvent) -> tuple[BuildResult, ...]:
    """Build every location of a plan; the results are in its order.

    A location that fails does not stop the others, unless ``options.fail_fast``. Whatever ends it,
    also ctrl-C, no program and no half file is left behind.

    Args:
        plan: what to do.
        options: how.
        on_event: called with every event, from several threads, one call at a time.

    Raises:
        InvalidInputError: when the cache would lie around the files of a location.
        BuildError: before anything is built, when this machine lacks a Python; afterwards, naming
            the locations that failed, after a :class:`BuildFailed` event for each.
    """
    _check_cache(plan, options)
    with _own_temporary_folder(options) as own:
        try:
            options.output.mkdir(parents=True, exist_ok=True)
            session = _Session(plan.root, own, on_event)
        except OSError as error:
            raise from_os(error) from error
        session.check(plan)
        built = session.run(plan)
    BuildCache(options.cache).sweep(before=options.now() - _KEEP_SECONDS)
    missing = [each.location for each in plan.builds if each.location not in built]
    if missing:
        raise BuildError(_summary(missing, session.stopped, len(plan.builds)))
    return tuple(built[each.location] for each in plan.builds)


@contextmanager
def _own_temporary_folder(options: BuildOptions) -> Iterator[BuildOptions]:
    """Give programs a folder for what they leave behind, as the PEX tool does of every wheel."""
    try:
        folder = tempfile.TemporaryDirectory(
            prefix="dagstead-build-",
            dir=options.environment.get("TMPDIR"),
            ignore_cleanup_errors=True,
        )
    except OSError as error:
        raise from_os(error) from error
    with folder as path:
        yield replace(options, environment={**options.environment, "TMPDIR": path})


def _summary(missing: Sequence[str], stopped: Collection[str], count: int) -> str:
    failed = [each for each in missing if each not in stopped]
    verb = (
        "location was" if count == 1 else "locations was" if len(failed) == 1 else "locations were"
    )
    said = f"{len(failed)} of {count} {verb} not built: {', '.join(failed)}."
    others = [each for each in missing if each in stopped]
    return f"{said} That stopped the build of {', '.join(others)}." if others else said


def _check_cache(plan: BuildPlan, options: BuildOptions) -> None:
    """What is old in a cache is removed: it is no place for what people have written."""
    cache = options.cache.resolve()
    for each in plan.builds:
        if each.directory.is_relative_to(cache):
            msg = (
                f"The build folder {each.folder!r} of {each.location!r} lies in the cache folder "
                f"{str(options.cache)!r}. Name a folder for the cache alone: --cache .cache/builds."
            )
            raise InvalidInputError(msg)


class _Session:
    def __init__(self, root: Path, options: BuildOptions, on_event: OnEvent) -> None:
        self._options = options
        self._on_event = on_event
        self._telling = threading.Lock()
        self._programs = Programs(options.environment)
        self._pex = PexBuilder(options, self._programs)
        self._docker = DockerBuilder(options, self._programs)
        self._preparations = Preparations(self._programs, root)
        #: What did not fail itself.
        self.stopped: set[str] = set()

    def check(self, plan: BuildPlan) -> None:
        """End before anything is built when something of it cannot be."""
        missing = []
        for each in plan.builds:
            try:
                if isinstance(each.how, PexPlan):
                    self._pex.check(each, each.how)
            except BuildError as error:
                missing.append(error.message)
        if missing:
            raise BuildError("\n".join(missing))

    def run(self, plan: BuildPlan) -> dict[str, BuildResult]:
        built: dict[str, BuildResult] = {}
        with ThreadPoolExecutor(max(self._options.jobs, 1)) as pool:
            pending: set[Future[BuildResult | None]] = {
                pool.submit(self._build, each) for each in plan.builds
            }
            try:
                while pending:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    for each in done:
                        result = each.result()
                        if result is not None:
                            built[result.location] = result
                        elif self._options.fail_fast:
                            self._programs.stop()
            except BaseException:
                # A ctrl-C, or a mistake of ours: nothing goes on without somebody who waits.
                self._programs.stop()
                raise
        return built

    def _build(self, planned: PlannedBuild) -> BuildResult | None:
        begin = self._options.clock()
        steps = Steps(planned.location, self._emit, self._options.clock)
        try:
            if self._programs.is_stopped:
                raise BuildStoppedError
            self._emit(BuildStarted(location=planned.location, strategy=planned.strategy))
            if planned.before is not None:
                self._preparations.run(planned.before, steps)
            built = BuildResult.of(planned, self._result(planned, steps))
        except DagsteadError as error:
            if isinstance(error, BuildStoppedError):
                self.stopped.add(planned.location)
            self._fail(planned, steps, error)
            return None
        except OSError as error:
            self._fail(planned, steps, from_os(error))
            return None
        seconds = self._options.clock() - begin
        self._emit(BuildFinished(location=planned.location, built=built, seconds=seconds))
        return built

    def _result(self, planned: PlannedBuild, steps: Steps) -> Result:
        match planned.how:
            case PexPlan() as how:
                return self._pex.build(planned, how, steps)
            case DockerPlan() as how:
                return self._docker.build(planned, how, steps)
            case PrebuiltPlan(image=None):
                return NoArtifact()
            case PrebuiltPlan(image=image):
                return Image(reference=str(image))

    def _fail(self, planned: PlannedBuild, steps: Steps, error: DagsteadError) -> None:
        said = error if isinstance(error, BuildStepError) else None
        again = shlex.join(("dagstead", "build", "--location", planned.location))
        self._emit(
            BuildFailed(
                location=planned.location,
                step=steps.current,
                error=error,
                output=said.output if said else (),
                command=(said.command or again) if said else None,
            )
        )

    def _emit(self, event: Event) -> None:
        with self._telling:
            self._on_event(event)
