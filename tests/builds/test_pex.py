"""Serverless locations as PEX files: what is in them, and what makes them the same."""

from __future__ import annotations

import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from dagstead.build.events import BuildFinished, BuildStarted, StepFinished, StepStarted
from dagstead.build.model import Commit
from dagstead.build.results import BuildResult, PexFiles
from tests.support.build_site import BACKEND, Site, make_site
from tests.support.pex import damage_what_pex_knows

DOCUMENT = """
    locations:
      - location_name: etl
        code_source: {module_name: etl.definitions}
        build: {directory: ./etl}
"""
PROJECT = f"""
    [project]
    name = "etl"
    version = "1.0"
    requires-python = ">=3.10"
    dependencies = ["dagster", "dagster-cloud", "helper"]
{BACKEND}
"""
DEFINITIONS = """
    import dagster as dg
    import helper

    @dg.asset
    def numbers():
        return helper.NUMBERS

    defs = dg.Definitions(assets=[numbers])
"""


def with_etl(site: Site) -> Site:
    """The same with a location that has a package and a dependency."""
    site.shelf.add("helper", {"helper.py": "NUMBERS = [1, 2]\n"})
    site.repository.write(
        {
            "dagster_cloud.yaml": DOCUMENT,
            "etl/pyproject.toml": PROJECT,
            "etl/src/etl/__init__.py": "",
            "etl/src/etl/definitions.py": DEFINITIONS,
            "etl/data/names.csv": "ada\n",
        }
    )
    return site


@pytest.fixture
def etl(site: Site) -> Site:
    """A location that a test may change."""
    return with_etl(site)


@dataclass(frozen=True, kw_only=True)
class Done:
    """A location that was built and loaded, to be looked at only."""

    site: Site
    built: BuildResult
    #: The files of the repository before.
    before: frozenset[Path]

    @property
    def files(self) -> PexFiles:
        return files_of(self.built)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, uv_cache: Path) -> Done:
    site = with_etl(make_site(tmp_path_factory.mktemp("done"), uv_cache))
    before = frozenset(site.repository.root.rglob("*"))
    (built,) = site.build(load=True)
    return Done(site=site, built=built, before=before)


def files_of(built: BuildResult) -> PexFiles:
    assert isinstance(built.result, PexFiles)
    return built.result


def content(path: Path) -> set[str]:
    """The names in a PEX, without the PEX tool's own."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    return {name for name in names if not name.startswith((".bootstrap", "__")) and name[-1] != "/"}


def step(site: Site, name: str) -> StepFinished:
    return next(
        each for each in site.events if isinstance(each, StepFinished) and each.step == name
    )


def test_a_location_becomes_dependencies_and_source(done: Done) -> None:
    files = done.files

    assert {path.parent for path in files.paths} == {done.site.output}
    assert files.tag == f"files={files.dependencies.name}:{files.source.name}"
    assert {name.split("-")[0] for name in content(files.dependencies) if "/" in name} == {
        ".deps/dagster",
        ".deps/dagster_cloud",
        ".deps/helper",
    }
    assert {
        "etl/definitions.py",
        "etl-1.0.dist-info/METADATA",
        "working_directory/__init__.py",
        "working_directory/root/data/names.csv",
        "working_directory/root/src/etl/definitions.py",
    } <= content(files.source)


def test_the_definitions_are_loaded_as_the_pool_will(done: Done) -> None:
    assert step(done.site, "load").remark == "1 asset, 0 jobs"


def test_the_official_runner_takes_the_files(done: Done, tmp_path: Path) -> None:
    """It starts the source's PEX with the dependencies' PEX on its path."""
    files = done.files

    said = subprocess.run(
        [
            sys.executable,
            files.source,
            "-c",
            "import etl.definitions as d; print(d.defs.assets[0])",
        ],
        capture_output=True,
        text=True,
        check=False,
        env={
            "PATH": "/usr/bin",
            "PEX_PATH": str(files.dependencies),
            "PEX_ROOT": str(tmp_path),
            "PEX_INTERPRETER": "1",
        },
    )

    assert "numbers" in said.stdout, said.stderr


def test_the_same_input_makes_the_same_files(etl: Site, tmp_path: Path) -> None:
    first = files_of(etl.build()[0])
    again = files_of(etl.build(output=tmp_path / "2", cache=tmp_path / "other")[0])

    assert [path.name for path in first.paths] == [path.name for path in again.paths]
    assert [path.read_bytes() for path in first.paths] == [
        path.read_bytes() for path in again.paths
    ]


def test_a_change_of_source_keeps_the_dependencies(etl: Site) -> None:
    before = files_of(etl.build()[0])
    etl.repository.write({"etl/src/etl/more.py": "MORE = 1"})

    after = files_of(etl.build()[0])

    assert (step(etl, "dependencies").remark or "").endswith("reused")
    assert after.dependencies == before.dependencies
    assert after.source != before.source
    assert "etl/more.py" in content(after.source)


def test_a_new_version_of_a_dependency_makes_new_ones(etl: Site) -> None:
    before = files_of(etl.build()[0])
    etl.shelf.add("helper", {"helper.py": "NUMBERS = [3]\n"}, release="2.0")

    assert files_of(etl.build()[0]).dependencies != before.dependencies


def test_locations_with_the_same_needs_share_the_dependencies(etl: Site) -> None:
    etl.repository.write(
        {
            "dagster_cloud.yaml": """
            locations:
              - location_name: one
                code_source: {module_name: etl.definitions}
                build: {directory: ./etl}
              - location_name: two
                code_source: {module_name: etl.definitions}
                build: {directory: ./etl}
            """
        }
    )

    one, two = (files_of(each) for each in etl.build(jobs=2))

    assert one.dependencies == two.dependencies
    assert sum(path.name.startswith("deps-") for path in etl.output.iterdir()) == 1


def test_damaged_knowledge_of_the_pythons_is_made_anew(etl: Site) -> None:
    first = files_of(etl.build()[0])
    damaged = damage_what_pex_knows(etl.cache)

    second = files_of(etl.build()[0])

    assert second.source == first.source
    assert not any(path.exists() for path in damaged)


def test_what_is_not_used_for_a_month_leaves_the_cache(etl: Site) -> None:
    def kept() -> int:
        return sum(
            path.is_file() and not path.is_relative_to(etl.cache / "locks")
            for path in etl.cache.rglob("*")
        )

    etl.build()
    assert kept() > 0
    etl.build(now=lambda: time.time() + 29 * 24 * 3600)
    assert kept() > 0
    etl.build(now=lambda: time.time() + 31 * 24 * 3600)
    assert kept() == 0


def test_packages_of_the_repository_go_with_the_source(etl: Site, warm: Path) -> None:
    """By path, as a member of a workspace, and by a line of requirements.txt."""
    etl.repository.write(
        {
            "pyproject.toml": '[tool.uv.workspace]\nmembers = ["etl", "member"]\n',
            "etl/pyproject.toml": PROJECT.replace('"helper"', '"helper", "near", "member"')
            + """
    [tool.uv.sources]
    near = { path = "../near", editable = true }
    member = { workspace = true }
    """,
            "etl/requirements.txt": "-e ../third\n",
            **{
                f"{name}/pyproject.toml": (
                    f'    [project]\n    name = "{name}"\n    version = "1"\n{BACKEND}'
                )
                for name in ("near", "member", "third")
            },
            **{
                f"{name}/src/{name}/__init__.py": f"NAME = '{name}'\n"
                for name in ("near", "member", "third")
            },
            "etl/src/etl/definitions.py": DEFINITIONS + "    import near, member, third\n",
        }
    )

    files = files_of(etl.build(load=True, cache=warm)[0])

    names = content(files.source)
    assert {"near/__init__.py", "member/__init__.py", "third/__init__.py"} <= names
    assert not any(
        name in each for each in content(files.dependencies) for name in ("near", "third")
    )


def test_a_lock_of_uv_is_taken_as_it_is(etl: Site) -> None:
    uv = Path(sys.executable).with_name("uv")
    folder = etl.repository.root / "etl"
    subprocess.run([uv, "lock", "-q"], cwd=folder, env=etl.environment(), check=True)
    etl.shelf.add("helper", {"helper.py": "NUMBERS = []\n"}, release="9.0")

    files = files_of(etl.build()[0])

    assert any("helper-1.0" in name for name in content(files.dependencies))


def test_a_folder_of_requirements_only_is_no_package(site: Site, warm: Path) -> None:
    site.repository.write(
        {
            "dagster_cloud.yaml": """
            locations:
              - location_name: plain
                code_source: {python_file: definitions.py}
            """,
            "requirements.txt": "dagster\ndagster-cloud\n",
            "definitions.py": "import dagster as dg\ndefs = dg.Definitions()\n",
        }
    )

    files = files_of(site.build(load=True, cache=warm)[0])

    assert content(files.source) >= {"working_directory/root/definitions.py"}


def test_every_location_is_reported_from_start_to_end(done: Done) -> None:
    seen = [
        (type(each).__name__, getattr(each, "step", None))
        for each in done.site.events
        if isinstance(each, BuildStarted | StepStarted | StepFinished | BuildFinished)
    ]
    assert seen == [
        ("BuildStarted", None),
        ("StepStarted", "dependencies"),
        ("StepFinished", "dependencies"),
        ("StepStarted", "source"),
        ("StepFinished", "source"),
        ("StepStarted", "load"),
        ("StepFinished", "load"),
        ("BuildFinished", None),
    ]


def test_what_is_deployed_names_files_python_and_commit(done: Done) -> None:
    commit = Commit(hash="abc", url="https://example.com/abc")

    assert done.built.document(commit) == {
        "location_name": "etl",
        "code_source": {"module_name": "etl.definitions"},
        "pex_metadata": {
            "pex_tag": done.files.pinned_tag,
            "python_version": done.files.python_version,
        },
        "git": {"commit_hash": "abc", "url": "https://example.com/abc"},
    }
    assert "git" not in done.built.document()


def test_nothing_is_left_beside_what_was_built(done: Done) -> None:
    site, files = done.site, done.files

    assert {*site.output.iterdir()} == {*files.paths}
    assert [*(site.cache / "scratch").iterdir()] == []
    assert [*(site.cache / "pex").iterdir()] == [site.cache / "pex" / files.dependencies.name]
    assert {*site.repository.root.rglob("*")} == done.before


def test_what_setuptools_leaves_is_taken_away(etl: Site) -> None:
    """Its backend leaves folders that its next build would take for input."""
    backend = BACKEND.replace('["uv_build"]', "[]").replace("uv_build", "leaving")
    etl.repository.write(
        {
            "etl/pyproject.toml": PROJECT.replace(BACKEND, backend + '    backend-path = ["."]\n'),
            "etl/leaving.py": """
            import pathlib, zipfile

            def build_wheel(folder, config_settings=None, metadata_directory=None):
                for left in ("build/lib", "src/etl.egg-info"):
                    pathlib.Path(left).mkdir(parents=True)
                with zipfile.ZipFile(f"{folder}/etl-1.0-py3-none-any.whl", "w") as wheel:
                    wheel.write("src/etl/definitions.py", "etl/definitions.py")
                return "etl-1.0-py3-none-any.whl"
            """,
        }
    )

    etl.build()

    assert not (etl.repository.root / "etl" / "build").exists()
    assert not (etl.repository.root / "etl" / "src" / "etl.egg-info").exists()


def test_links_become_what_they_lead_to(etl: Site) -> None:
    folder = etl.repository.root / "etl"
    (folder / "linked.csv").symlink_to("data/names.csv")
    (folder / "more").symlink_to("data")
    (folder / "nowhere").symlink_to("gone")
    (folder / "round").symlink_to(".")

    names = content(files_of(etl.build()[0]).source)

    below = {name.removeprefix("working_directory/root/") for name in names}
    assert {"linked.csv", "more/names.csv"} <= below
    assert "nowhere" not in below
    assert not any(name.startswith("round") for name in below)
