"""Builds a location as two PEX files."""

from __future__ import annotations

from pathlib import Path

from dagstead.build.cache import BuildCache, place
from dagstead.build.load_check import load
from dagstead.build.model import PexPlan, PlannedBuild
from dagstead.build.options import BuildOptions
from dagstead.build.pex_files import PexTool
from dagstead.build.programs import Programs
from dagstead.build.pythons import OWN_VERSION, Pythons
from dagstead.build.requirements import Requirements, resolve
from dagstead.build.results import PexFiles
from dagstead.build.sources import source_content
from dagstead.build.steps import Steps
from dagstead.build.uv import PythonTarget, Uv, find_uv, uv_of_machine
from dagstead.build.wheels import pack_wheels
from dagstead.errors import BuildError

_MEGABYTE = 1e6


class PexBuilder:
    """Builds locations as PEX files. Safe to use from several threads."""

    def __init__(self, options: BuildOptions, programs: Programs) -> None:
        self._options = options
        self._programs = programs
        self._cache = BuildCache(options.cache)
        self._tool = PexTool(programs=programs, interpreters=self._cache.interpreters)
        environment = options.environment
        uv = options.uv or uv_of_machine(environment.get("PATH"))
        self._pythons = Pythons(environment, uv)

    def check(self, planned: PlannedBuild, plan: PexPlan) -> None:
        """Look for what a location needs of this machine, before anything is built.

        Raises:
            BuildError: when its Python is not here.
        """
        self._python(planned, plan)

    def build(self, planned: PlannedBuild, plan: PexPlan, steps: Steps) -> PexFiles:
        """Build a location, and load it once.

        Raises:
            BuildError: when it cannot be built, or its definitions cannot be loaded.
        """
        search_path = self._options.environment.get("PATH")
        uv = Uv(find_uv(self._options.uv, search_path), self._programs, steps.line)
        target = PythonTarget(
            python=self._python(planned, plan),
            version=plan.python_version,
            platform=plan.platform,
        )
        with self._cache.scratch() as scratch:
            with steps.step("dependencies") as step:
                needs = resolve(planned.directory, target, uv, scratch, steps.warn)
                dependencies, is_new = self._dependencies(planned.directory, needs, target, uv)
                step.remark = _size(dependencies, f"{needs.count} packages", is_new=is_new)
            with steps.step("source") as step:
                content = source_content(
                    planned.directory, needs.local, target=target, uv=uv, scratch=scratch
                )
                source = self._tool.write(
                    "source",
                    content=content,
                    python=target.version,
                    into=self._options.output,
                )
                step.remark = _size(source, f"{len(content)} files")
        files = PexFiles(
            source=source,
            dependencies=place(dependencies, self._options.output),
            python_version=target.version,
        )
        if self._options.load:
            with steps.step("load") as step:
                step.remark = load(planned, files, needs.local, target, self._cache, self._programs)
        return files

    def _python(self, planned: PlannedBuild, plan: PexPlan) -> Path:
        version = plan.python_version
        found = self._pythons.find(version)
        if found is None:
            msg = (
                f"There is no working python{version} on this machine, and {planned.location!r} is "
                f"built for it: {plan.python_reason}. Install it (`uv python install {version}` "
                f"does), or build for another, such as --python {OWN_VERSION}, if its files allow "
                "that."
            )
            raise BuildError(msg)
        return found

    def _dependencies(
        self, directory: Path, needs: Requirements, target: PythonTarget, uv: Uv
    ) -> tuple[Path, bool]:
        """The PEX file of what is fetched, and whether it was made for this."""
        with self._cache.lock(needs.key):
            kept = self._cache.dependencies(needs.key)
            if kept is not None:
                return kept, False
            with self._cache.scratch() as scratch:
                linked = scratch / "linked"
                linked.mkdir()
                uv.fetch(directory, needs.lock, target, linked)
                wheels = pack_wheels(linked, self._cache.wheels, jobs=self._options.jobs)
            path = self._tool.write(
                "deps",
                wheels=wheels,
                python=target.version,
                into=self._cache.pex,
            )
            self._cache.keep_dependencies(needs.key, path)
            return path, True


def _size(path: Path, what: str, *, is_new: bool = True) -> str:
    size = f"{path.stat().st_size / _MEGABYTE:.1f} MB"
    return f"{what}, {size}" if is_new else f"{what}, {size}, reused"
