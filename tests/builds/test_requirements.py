"""What a location needs, as the tools mean it that its files were written for."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterable
from importlib.metadata import distribution, version
from pathlib import Path

import pytest

from dagstead.build.events import BuildWarning
from dagstead.build.results import BuildResult, PexFiles
from tests.support.build_site import Site

DOCUMENT = """
    locations:
      - location_name: ferry
        code_source: {module_name: ferry}
"""


@pytest.fixture
def ferry(site: Site) -> Site:
    site.repository.write({"dagster_cloud.yaml": DOCUMENT, "ferry.py": ""})
    return site


def packages(built: BuildResult) -> set[str]:
    """The packages that were fetched, as ``name-version``."""
    assert isinstance(built.result, PexFiles)
    with zipfile.ZipFile(built.result.dependencies) as archive:
        names = [name.split("/") for name in archive.namelist() if name.startswith(".deps/")]
    return {"-".join(parts[1].split("-")[:2]) for parts in names}


def test_a_lock_that_does_not_fit_any_more_is_a_warning(ferry: Site) -> None:
    project = """
    [project]
    name = "ferry"
    version = "1"
    requires-python = ">=3.10"
    dependencies = ["dagster", "dagster-cloud"]
    """
    ferry.repository.write({"pyproject.toml": project})
    uv = Path(sys.executable).with_name("uv")
    root = ferry.repository.root
    subprocess.run([uv, "lock", "-q"], cwd=root, env=ferry.environment(), check=True)
    written = (root / "uv.lock").read_bytes()
    ferry.shelf.add("rudder", {})
    ferry.repository.write(
        {"pyproject.toml": project.replace('"dagster-cloud"', '"dagster-cloud", "rudder"')}
    )

    (built,) = ferry.build()

    (warning,) = (each for each in ferry.events if isinstance(each, BuildWarning))
    assert (
        "uv.lock of 'repository' cannot be used: it does not fit pyproject.toml any more. So"
        in (warning.text)
    )
    assert "rudder-1.0" in packages(built)
    assert (root / "uv.lock").read_bytes() == written


def index(folder: Path, wheels: Iterable[Path]) -> str:
    """A package index in a folder; its address."""
    for wheel in wheels:
        place = folder / wheel.name.split("-")[0].replace("_", "-")
        place.mkdir(parents=True, exist_ok=True)
        wheel.rename(place / wheel.name)
        links = "".join(f'<a href="{each.name}">{each.name}</a>' for each in place.glob("*.whl"))
        (place / "index.html").write_text(links, encoding="utf-8")
    return folder.as_uri()


def test_more_indexes_of_pips_file_are_one_union(ferry: Site) -> None:
    """uv alone would take each package from the first index that has any version of it."""
    main = index(ferry.folder / "main", [*ferry.shelf.folder.glob("*.whl")])
    old = ferry.shelf.add("dagster", {}, release="1.4.17")
    own = ferry.shelf.add("rudder", {})
    more = index(ferry.folder / "more", [old, own])
    settings = ferry.folder / "uv.toml"
    settings.write_text(f'[[index]]\nurl = "{main}"\ndefault = true\n', encoding="utf-8")
    ferry.repository.write(
        {"requirements.txt": f"--extra-index-url {more}\ndagster\ndagster-cloud\nrudder\n"}
    )

    (built,) = ferry.build(environment=ferry.environment(UV_CONFIG_FILE=str(settings)))

    assert packages(built) >= {f"dagster-{version('dagster')}", "rudder-1.0"}


def test_a_dagster_that_is_too_old_is_refused(ferry: Site) -> None:
    ferry.shelf.add("dagster", {}, release="1.10.21")
    ferry.repository.write({"requirements.txt": "dagster<1.11\ndagster-cloud\n"})

    failed = ferry.failure()

    assert failed.step == "dependencies"
    assert "resolve to Dagster 1.10.21, and Dagstead works with 1.11 and later" in (
        failed.error.message
    )


def test_a_script_of_before_build_systems_has_what_it_used_to_have(ferry: Site) -> None:
    """It may import pip and wheel, as many such scripts do; uv alone gives setuptools."""
    real = distribution("setuptools")
    borrowed = {
        "borrowed.pth": f"{sysconfig.get_paths()['purelib']}\n",
        "setuptools-81.0.dist-info/entry_points.txt": real.read_text("entry_points.txt") or "",
    }
    ferry.shelf.add("setuptools", borrowed, release="81.0")
    ferry.shelf.add("wheel", {"wheel_of_tests.py": ""})
    ferry.shelf.add("pip", {"pip_of_tests.py": ""})
    script = """
        import pip_of_tests, wheel_of_tests
        from setuptools import setup

        setup(
            name="ferry",
            version="1",
            py_modules=["ferry"],
            install_requires=["dagster", "dagster-cloud", "rudder"],
        )
        """
    ferry.shelf.add("rudder", {})
    ferry.repository.write({"setup.py": script})
    before = {*ferry.repository.root.rglob("*")}
    (built,) = ferry.build()

    assert "rudder-1.0" in packages(built)
    assert {*ferry.repository.root.rglob("*")} == before
