"""A secret that a run has used is nowhere: not in what is stored, logged, or shown of processes."""

from __future__ import annotations

import hashlib
import secrets
import subprocess
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from dagstead.testing.waiting import eventually
from tests.support.pool_plane import PROGRAM, Plane, plane_command

LOCATION = "planted"

#: It shows which values it was given, and at its load ends with an error that quotes one.
PROJECT = """
import hashlib, os, time
from pathlib import Path
import dagster, library

def digest(name):
    return hashlib.sha256(os.environ.get(name, "").encode()).hexdigest()

AT_LOAD = digest("PLANTED")
if os.environ.get("BROKEN"):
    int(os.environ["BROKEN"])

@dagster.op
def use(context):
    gate = Path(os.environ["GATES"]) / f"gate-{context.run_id}"
    while not gate.exists():
        time.sleep(0.05)
    found = {"load": AT_LOAD, "run": digest("PLANTED"), "branch": digest("OF_BRANCHES")}
    context.log_event(dagster.AssetMaterialization("facts", metadata=found))
    print("printed by the run")

@dagster.job
def look():
    use()

definitions = dagster.Definitions(jobs=[look])
"""


def sha(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def put(plane: Plane, name: str, value: str, *target: str) -> None:
    """With the command, over HTTP, the value in a pipe."""
    subprocess.run(
        [PROGRAM, "secret", "set", name, *target],
        input=value,
        text=True,
        check=True,
        capture_output=True,
        env={"DAGSTER_CLOUD_URL": plane.url, "DAGSTER_CLOUD_API_TOKEN": plane.token},
    )


def texts(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file below a folder, as it is and unpacked; databases with what is not yet in them."""
    for file in folder.rglob("*"):
        with suppress(OSError):
            if file.is_file() and not file.is_symlink():
                content = file.read_bytes()
                yield file, content
                with suppress(zlib.error):
                    yield file, zlib.decompress(content, wbits=47)


def files_with(folder: Path, *values: str) -> Mapping[str, set[Path]]:
    """By value, the files below a folder that hold it."""
    found: dict[str, set[Path]] = {value: set() for value in values}
    for file, content in texts(folder):
        for value in values:
            if value.encode() in content:
                found[value].add(file)
    return found


def commands() -> str:
    """What everybody on the machine sees of processes."""
    lines = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            lines.append(" ".join(process.cmdline()))
    return "\n".join(lines)


def test_a_planted_secret_is_found_nowhere(plane: Plane) -> None:
    planted, next_one, broken = (f"planted-{secrets.token_hex(12)}" for _ in range(3))
    put(plane, "PLANTED", planted, "--deployment", "prod", "--location", LOCATION)
    put(plane, "OF_BRANCHES", planted, "--scope", "branch")
    deps = plane.bench.dependencies({"library/__init__.py": "VERSION = 1\n"})
    plane.deploy_pex(LOCATION, deps, plane.bench.source({"project.py": PROJECT}))
    assert plane.loaded(LOCATION)["__typename"] == "RepositoryLocation"

    # A run gets what is set now, and nothing was restarted.
    put(plane, "PLANTED", next_one, "--deployment", "prod", "--location", LOCATION)
    run = plane.launch(LOCATION, "look")
    plane.worker(run)
    seen = commands()
    own = {
        part: "\n".join(plane.part(part).environ().values()) for part in ("web", "daemon", "pool")
    }
    records = [content for _, content in texts(plane.data / "pool" / "runs")]
    plane.open_gate(run)
    facts = plane.facts(run)
    assert facts["run"] == sha(next_one)
    assert facts["branch"] == sha("")

    # An error that quotes one.
    put(plane, "BROKEN", broken, "--deployment", "prod", "--location", LOCATION)
    plane.deploy_pex(LOCATION, deps, plane.bench.source({"project.py": f"{PROJECT}# again\n"}))
    failed = eventually(
        lambda: "invalid literal for int()" in str(plane.loaded(LOCATION)), 120, "its error"
    )
    assert failed
    plane_command("secret", "rotate-key", "--data", str(plane.data))

    found = files_with(plane.folder, planted, next_one, broken)
    for value in (planted, next_one, broken):
        assert value not in seen
        assert all(value not in each for each in own.values())
        assert all(value.encode() not in each for each in records)
        # What code says itself is in the pool's log.
        assert found[value] == ({plane.folder / "up.log"} if value == broken else set())
    for value in (planted, next_one):
        listed = subprocess.run(
            [PROGRAM, "secret", "list", "--format", "json"],
            text=True,
            check=True,
            capture_output=True,
            env={"DAGSTER_CLOUD_URL": plane.url, "DAGSTER_CLOUD_API_TOKEN": plane.token},
        )
        assert value not in listed.stdout + listed.stderr
