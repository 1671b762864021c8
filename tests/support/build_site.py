"""Repositories to build, and an index of packages for them that needs no network."""

from __future__ import annotations

import base64
import hashlib
import os
import sysconfig
import textwrap
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dagstead.build.events import BuildFailed, Event
from dagstead.build.model import BuildPlan
from dagstead.build.options import BuildOptions
from dagstead.build.plan_options import PlanOptions
from dagstead.build.planning import make_plan
from dagstead.build.results import BuildResult
from dagstead.build.session import build
from dagstead.errors import BuildError
from dagstead.repository.ci.projects import read_project

#: A build backend that uv has in itself.
BACKEND = """
    [build-system]
    requires = ["uv_build"]
    build-backend = "uv_build"
"""


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A folder of files."""

    root: Path

    def write(self, files: Mapping[str, str]) -> None:
        """Write files; their texts may be indented."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text).lstrip(), encoding="utf-8")

    def plan(self, **options: Any) -> BuildPlan:
        """Its plan."""
        return make_plan(read_project(self.root), PlanOptions(**options))


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """A folder of wheels, which is all that uv finds."""

    folder: Path

    @property
    def configuration(self) -> Path:
        """Settings of uv that bind it to this folder."""
        path = self.folder / "uv.toml"
        path.write_text(f'no-index = true\nfind-links = ["{self.folder}"]\n', encoding="utf-8")
        return path

    def add(
        self,
        name: str,
        files: Mapping[str, str],
        *,
        release: str = "1.0",
        needs: tuple[str, ...] = (),
        tag: str = "py3-none-any",
    ) -> Path:
        """Add a wheel with these files."""
        info = f"{name}-{release}.dist-info"
        requires = "".join(f"Requires-Dist: {each}\n" for each in needs)
        contents = {
            **files,
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {release}\n"
            f"{requires}",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\n"
            f"Tag: {tag}\n",
        }
        record = "".join(
            f"{path},sha256={_digest(text)},{len(text.encode())}\n"
            for path, text in contents.items()
        )
        path = self.folder / f"{name}-{release}-{tag}.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for each, text in {**contents, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
                # Of one time: the same wheel is the same file.
                archive.writestr(zipfile.ZipInfo(each), text)
        return path

    def add_dagster(self) -> None:
        """Add Dagster's packages: small ones that lend those of the tests by a path file."""
        borrowed = sysconfig.get_paths()["purelib"]
        self.add("dagster", {"borrowed.pth": f"{borrowed}\n"}, release=version("dagster"))
        self.add("dagster_cloud", {}, release=version("dagster-cloud"))


@dataclass(frozen=True, kw_only=True)
class Site:
    """A repository, the packages that it finds, and what its builds have told."""

    repository: Repository
    shelf: Shelf
    #: For what is built, and kept for later builds.
    folder: Path
    uv_cache: Path
    events: list[Event] = field(default_factory=list)

    @property
    def output(self) -> Path:
        return self.folder / "output"

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def environment(self, **more: str) -> dict[str, str]:
        """The variables of a build: a person's, with uv bound to the shelf."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("UV_")}
        return {
            **kept,
            "UV_CONFIG_FILE": str(self.shelf.configuration),
            "UV_CACHE_DIR": str(self.uv_cache),
            **more,
        }

    def options(self, **changed: Any) -> BuildOptions:
        """How to build: without a load, unless it is asked for."""
        given: dict[str, Any] = {
            "output": self.output,
            "cache": self.cache,
            "environment": self.environment(),
            "load": False,
            **changed,
        }
        return BuildOptions(**given)

    def build(self, plan: BuildPlan | None = None, **options: Any) -> tuple[BuildResult, ...]:
        """Build everything."""
        self.events.clear()
        return build(plan or self.repository.plan(), self.options(**options), self.events.append)

    def failure(self, plan: BuildPlan | None = None, **options: Any) -> BuildFailed:
        """Build, and how the one location failed that did.

        Raises:
            AssertionError: when none or several failed.
        """
        try:
            self.build(plan, **options)
        except BuildError:
            (failed,) = (each for each in self.events if isinstance(each, BuildFailed))
            return failed
        raise AssertionError("nothing failed")


def make_site(folder: Path, uv_cache: Path) -> Site:
    """An empty repository, and a shelf with Dagster."""
    for name in ("repository", "shelf"):
        (folder / name).mkdir(exist_ok=True)
    shelf = Shelf(folder=folder / "shelf")
    shelf.add_dagster()
    repository = Repository(root=folder / "repository")
    return Site(repository=repository, shelf=shelf, folder=folder, uv_cache=uv_cache)


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
