"""What goes wrong in a build: reported with value and next step, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dagstead.build.events import BuildFailed, BuildFinished, Event
from dagstead.build.model import Platform
from dagstead.build.programs import Programs
from dagstead.build.session import build
from dagstead.errors import BuildError, BuildStoppedError, InvalidInputError
from dagstead.testing import eventually
from tests.support.build_site import BACKEND, Site

DOCUMENT = """
    locations:
      - location_name: etl
        code_source: {module_name: definitions}
"""
REQUIREMENTS = "dagster\ndagster-cloud\n"


@pytest.fixture
def etl(site: Site) -> Site:
    """A location of one file."""
    site.repository.write(
        {
            "dagster_cloud.yaml": DOCUMENT,
            "requirements.txt": REQUIREMENTS,
            "definitions.py": "import dagster as dg\ndefs = dg.Definitions()\n",
        }
    )
    return site


def leftovers(site: Site) -> list[Path]:
    """What a failed build must not leave. The PEX tool's files of locks hold nothing."""
    hidden = [*site.output.rglob(".*"), *site.cache.rglob(".*")]
    drafts = [path for path in hidden if not path.name.endswith(".atomic_directory.lck")]
    return [*drafts, *(site.cache / "scratch").iterdir()]


def test_a_package_that_no_index_has_is_named(etl: Site) -> None:
    etl.repository.write({"requirements.txt": f"{REQUIREMENTS}helpr==1\n"})

    failed = etl.failure()

    assert failed.step == "dependencies"
    assert "The dependencies of 'repository' cannot be resolved" in failed.error.message
    assert any("helpr" in line for line in failed.output)
    assert (failed.command or "").startswith("uv --directory ")
    assert " pip compile requirements.txt --python 3." in (failed.command or "")
    assert leftovers(etl) == []


def test_requirements_that_exclude_each_other_are_reported_in_uvs_words(etl: Site) -> None:
    etl.shelf.add("helper", {}, release="1.0")
    etl.shelf.add("helper", {}, release="2.0")
    etl.shelf.add("user", {}, needs=("helper<2",))
    etl.repository.write({"requirements.txt": f"{REQUIREMENTS}helper>=2\nuser\n"})

    failed = etl.failure()

    assert any("helper" in line and "user" in line for line in failed.output), failed.output
    assert len(failed.output) < 15


def test_a_missing_wheel_names_the_package_and_what_to_do(etl: Site) -> None:
    etl.shelf.add("compiled", {}, tag="cp311-cp311-win_amd64")
    etl.repository.write({"requirements.txt": f"{REQUIREMENTS}compiled\n"})

    message = etl.failure().error.message

    assert "There is no wheel of compiled" in message
    assert "--python" in message


def test_packages_for_another_machine_are_wheels(etl: Site) -> None:
    """What is built for another machine is chosen for it, and cannot be tried here."""
    etl.shelf.add("compiled", {}, tag="py3-none-manylinux_2_17_aarch64")
    etl.repository.write({"requirements.txt": f"{REQUIREMENTS}compiled\n"})

    assert "There is no wheel of compiled" in etl.failure().error.message
    plan = etl.repository.plan(platform=Platform.AARCH64)
    etl.build(plan, load=True)

    assert "load" in {getattr(each, "step", None) for each in etl.events}


def test_a_location_without_dagster_is_refused(etl: Site) -> None:
    etl.repository.write({"requirements.txt": "dagster\n"})

    assert "do not include dagster-cloud" in etl.failure().error.message


def test_a_location_that_declares_nothing_is_refused_like_that_too(etl: Site) -> None:
    (etl.repository.root / "requirements.txt").write_text("", encoding="utf-8")

    assert "do not include dagster or dagster-cloud" in etl.failure().error.message


def test_a_location_without_a_file_that_declares_something_is_not_planned(etl: Site) -> None:
    (etl.repository.root / "requirements.txt").unlink()

    with pytest.raises(InvalidInputError, match="DS260 'etl' is built as a PEX file"):
        etl.repository.plan()


def test_a_package_that_cannot_be_built_says_why(etl: Site) -> None:
    etl.repository.write(
        {
            "pyproject.toml": f"""
            [project]
            name = "etl"
            version = "1"
            dependencies = ["dagster", "dagster-cloud"]
            {BACKEND}
            """
        }
    )

    failed = etl.failure()

    assert failed.step == "source"
    assert "The package in 'repository' cannot be built" in failed.error.message
    assert failed.output


def test_definitions_that_raise_show_the_users_traceback(etl: Site, warm: Path) -> None:
    etl.repository.write(
        {
            "definitions.py": "from helpers import connect\nconnect()\n",
            "helpers.py": "def connect():\n    raise RuntimeError('no such warehouse')\n",
        }
    )

    failed = etl.failure(load=True, cache=warm)

    assert failed.step == "load"
    assert "The definitions of 'etl' (module_name definitions) cannot be loaded" in (
        failed.error.message
    )
    assert failed.output[-1] == "RuntimeError: no such warehouse"
    shown = [line.strip() for line in failed.output if line.strip().startswith("File ")]
    assert shown == [
        'File "definitions.py", line 2, in <module>',
        'File "helpers.py", line 2, in connect',
    ]
    assert failed.command == "dagstead build --location etl"


def test_a_module_that_is_not_declared_is_named(etl: Site, warm: Path) -> None:
    etl.repository.write({"definitions.py": "import nowhere_to_be_found\n"})

    message = etl.failure(load=True, cache=warm).error.message

    assert "ModuleNotFoundError: No module named 'nowhere_to_be_found'" in message


def test_an_attribute_that_is_not_there_is_named(etl: Site, warm: Path) -> None:
    etl.repository.write({"dagster_cloud.yaml": f"{DOCUMENT}        attribute: other\n"})

    (line,) = (each for each in etl.failure(load=True, cache=warm).output if each)

    assert "other not found in module definitions" in line


def test_without_uv_it_says_how_to_install_it(etl: Site, tmp_path: Path) -> None:
    message = etl.failure(uv=tmp_path / "uv").error.message

    assert "PEX files are built with uv. Install it" in message


def test_a_python_that_is_not_here_is_named_before_anything_is_built(etl: Site) -> None:
    plan = etl.repository.plan(python="3.14")
    nowhere = etl.environment(PATH="", UV_PYTHON_INSTALL_DIR=str(etl.folder / "none"))

    with pytest.raises(BuildError, match=r"no working python3\.14 .*, and 'etl' is built for it"):
        etl.build(plan, environment=nowhere)

    assert etl.events == []


def test_a_full_disk_is_reported_and_leaves_no_half_file(etl: Site) -> None:
    """A limit on the size of files says what a full disk says, in a process of its own."""
    command = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000));"
        "sys.argv[1:] = ['build', '--no-load', *sys.argv[1:]];"
        "from dagstead.cli import main; main()"
    )
    arguments = (etl.repository.root, "--output", etl.output, "--cache", etl.cache)

    ended = subprocess.run(
        [sys.executable, "-c", command, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=etl.environment(),
    )

    assert ended.returncode == 1
    assert "no room left on the disk" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert leftovers(etl) == []


def test_one_failure_does_not_stop_the_others(etl: Site) -> None:
    two_locations(etl)

    assert etl.failure(jobs=1).location == "bad"
    assert [each.location for each in etl.events if isinstance(each, BuildFinished)] == ["good"]


def test_the_first_failure_stops_the_others_when_asked_to(etl: Site) -> None:
    two_locations(etl)
    seen: list[Event] = []

    with pytest.raises(BuildError, match="1 of 2 .* not built: bad. That stopped .* of good."):
        build(etl.repository.plan(), etl.options(jobs=1, fail_fast=True), seen.append)

    stopped = [each for each in seen if isinstance(each, BuildFailed)][1]
    assert isinstance(stopped.error, BuildStoppedError)


def two_locations(site: Site) -> None:
    site.repository.write(
        {
            "dagster_cloud.yaml": """
            locations:
              - location_name: bad
                code_source: {module_name: definitions}
                build: {directory: bad}
              - location_name: good
                code_source: {module_name: definitions}
                build: {directory: good}
            """,
            "bad/requirements.txt": "dagster\n",
            "good/requirements.txt": REQUIREMENTS,
            "good/definitions.py": "",
        }
    )


def test_ctrl_c_ends_what_was_started(etl: Site, warm: Path) -> None:
    """The command is interrupted while the definitions load, which here takes for ever."""
    etl.repository.write(
        {
            "definitions.py": """
            import pathlib, threading
            pathlib.Path("PLACE").write_text("loading")
            threading.Event().wait()
            """.replace("PLACE", str(etl.folder / "loading"))
        }
    )
    command: list[str | Path] = [sys.executable, "-m", "dagstead", "build", etl.repository.root]
    command += ["--output", etl.output, "--cache", warm]
    with subprocess.Popen(
        command, env=etl.environment(), stderr=subprocess.PIPE, text=True
    ) as process:
        eventually((etl.folder / "loading").exists, 120, "the definitions to load")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "Traceback" not in said
    assert [*(warm / "scratch").iterdir()] == []
    assert not (etl.output / "build.json").exists()


def test_programs_that_were_started_end_with_the_build(tmp_path: Path) -> None:
    """Also those that a program has started itself."""
    programs = Programs({"PATH": os.environ["PATH"]})
    started = threading.Event()
    raised: list[BaseException] = []

    def run() -> None:
        try:
            programs.run(
                ("sh", "-c", "sleep 1000 & echo started; wait"),
                folder=tmp_path,
                on_line=lambda _: started.set(),
            )
        except BuildStoppedError as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(30)
    programs.stop()
    thread.join(30)

    assert not thread.is_alive()
    assert len(raised) == 1
    with pytest.raises(BuildStoppedError):
        programs.run(("true",), folder=tmp_path)


def test_the_real_words_of_git_are_known(site: Site) -> None:
    site.repository.write(
        {
            "dagster_cloud.yaml": """
            locations:
              - location_name: harbour
                code_source: {module_name: harbour}
            """,
            "requirements.txt": "dagster\ndagster-cloud\nwinch @ git+file:///no/such/winch\n",
        }
    )

    message = site.failure().error.message

    assert "git cannot fetch winch from this machine: fatal: '/no/such/winch' does not" in message


def test_an_application_is_no_package(site: Site) -> None:
    """Whose folders setuptools would not know what to do with."""
    site.repository.write(
        {
            "dagster_cloud.yaml": """
            locations:
              - location_name: harbour
                code_source: {module_name: cranes.definitions}
            """,
            "pyproject.toml": """
            [project]
            name = "harbour"
            version = "1"
            dependencies = ["dagster", "dagster-cloud"]
            """,
            "cranes/definitions.py": "import ships\nimport dagster\ndefs = dagster.Definitions()\n",
            "ships/__init__.py": "",
        }
    )

    site.build(load=True)
