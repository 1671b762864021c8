"""``dagstead up`` as real processes: it comes up, heals, and leaves nothing behind."""

from __future__ import annotations

import grp
import os
import re
import signal
import socket
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest

from dagstead.server.folder_lock import locked_folder
from dagstead.testing import eventually
from tests.support.environments import own_environment
from tests.support.ports import free_port
from tests.support.processes import ChildProcess

pytestmark = pytest.mark.compat

#: Three processes import Dagster on two busy cores.
_UP_SECONDS = 120
_PARTS = ("web", "daemon", "pool")
MASTER_KEY = "5a" * 32
SECRETS = {"DAGSTEAD_SECRET_KEY": "hunter2", "DAGSTEAD_MASTER_KEY": MASTER_KEY}


@dataclass
class Up:
    """A data folder, and `dagstead up` on it."""

    folder: Path
    arguments: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    starts: int = 0
    running: list[ChildProcess] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def command(self, *words: str) -> ChildProcess:
        """Start any command on the folder."""
        self.starts += 1
        environment = own_environment()
        child = ChildProcess(
            [environment.program("dagstead"), *words, "--data", self.data],
            log=self.folder / f"{self.starts}.log",
            env=environment.variables(**self.variables),
            cwd=self.folder,
        )
        self.running.append(child)
        return child

    def start(self) -> ChildProcess:
        """Start it, and wait until the agent of its pool works."""
        child = self.command("up", "--port", str(self.port), *self.arguments)
        child.wait_for_log(f"Dagstead is running at {self.url}", _UP_SECONDS)
        return child

    def parts(self, child: ChildProcess) -> dict[str, psutil.Process]:
        """The latest start of each part that runs now."""
        found = {}
        for part, pid in re.findall(r"Started (\w+), process (\d+)", child.log_text()):
            with suppress(psutil.NoSuchProcess):
                found[part] = psutil.Process(int(pid))
        return found

    def agent_status(self) -> str:
        """What `dagstead agent list` says of the pool."""
        child = self.command("agent", "list")
        assert child.wait(60) == 0
        return child.log_text()


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    scene = Up(tmp_path)
    umask = os.umask(0o022)
    try:
        yield scene
    finally:
        for child in scene.running:
            child.stop(60)
        os.umask(umask)


def all_of(child: ChildProcess) -> list[psutil.Process]:
    """The supervisor and all that comes from it."""
    top = psutil.Process(child.pid)
    return [top, *top.children(recursive=True)]


def assert_gone(processes: list[psutil.Process], deadline_seconds: float) -> None:
    assert len(processes) > len(_PARTS)
    _, alive = psutil.wait_procs(processes, deadline_seconds)
    assert alive == []


def assert_secrets_are_with_the_web_server_only(up: Up, child: ChildProcess) -> None:
    """It hands them out; what is logged is their names."""
    said = child.log_text()
    assert "Secrets of the environment, for full deployments only: KEY" in said
    assert "hunter2" not in said
    assert MASTER_KEY not in said
    parts = up.parts(child)
    assert set(parts) == set(_PARTS)
    holders = {part for part, process in parts.items() if SECRETS.keys() & process.environ().keys()}
    assert holders == {"web"}


def assert_files_are_private(up: Up, child: ChildProcess) -> None:
    """Nothing in the data folder is for other users of the machine.

    The pool's own users, who have no names, pass through its folders to what is theirs.
    """
    child.wait_for_log("Running the daemons", 60)

    def look() -> dict[Path, os.stat_result]:
        return {path: path.lstat() for path in (up.data, *up.data.rglob("*"))}

    found = eventually(look, 30, "a moment without changes", retry_on=(FileNotFoundError,))
    # By the supervisor, the web server, the daemons and the pool.
    expected = {"up.lock", "dagstead.db", "daemon.lock", "dagster.yaml"}
    assert expected <= {path.name for path in found}
    named = {group.gr_gid for group in grp.getgrall()}
    modes = {
        path: (f"{stat.S_IMODE(seen.st_mode):o}", seen.st_gid)
        for path, seen in found.items()
        if seen.st_mode & (0o077 if seen.st_gid in named else 0o007)
    }
    assert modes == {}
    open_to_pool = {path for path, seen in found.items() if seen.st_mode & 0o070}
    assert {path.relative_to(up.data).parts[0] for path in open_to_pool} <= {"pool"}


def signed_in_by_link(up: Up, child: ChildProcess) -> tuple[str, str]:
    """Use the link that was printed; returns its secret part, and the token that it gave."""
    address = re.search(rf"{up.url}/sign-in#link=(\S+)", child.log_text())
    assert address
    form = {"link": address[1], "name": "ada", "next": "/prod/"}
    with httpx.Client(base_url=up.url, trust_env=False, timeout=60) as browser:
        assert browser.get("/sign-in").status_code == 200
        answer = browser.post("/sign-in", data=form, headers={"origin": up.url})
        shown = re.search(r"user:dagstead:\w+", answer.text)
        assert shown
        page = browser.get("/prod/", headers={"accept": "text/html"})
        assert '"assetPrefix":"/prod"' in page.text
        browser.cookies.clear()
        again = browser.post("/sign-in", data=form, headers={"origin": up.url})
        assert again.status_code == 403
        assert "was used already" in again.text
    return address[1], shown[0]


def healthy(up: Up) -> bool:
    return httpx.get(f"{up.url}/health", trust_env=False, timeout=60).is_success


def test_a_secret_that_could_mean_two_things_is_refused_at_the_start(up: Up) -> None:
    up.variables = {"DAGSTEAD_SECRET_A__B": "hunter2"}
    child = up.command("up", "--port", str(up.port))
    assert child.wait(60) == 2
    assert "DAGSTEAD_SECRET_A__B could mean two things" in child.log_text()
    assert "hunter2" not in child.log_text()
    assert not up.data.exists()


def test_without_its_master_key_it_does_not_start(up: Up) -> None:
    up.variables = {"DAGSTEAD_MASTER_KEY": MASTER_KEY}
    first = up.command("up", "--port", str(up.port))
    first.wait_for_log(f"Dagstead is running at {up.url}", _UP_SECONDS)
    first.stop(60)
    up.variables = {}
    again = up.command("up", "--port", str(up.port))
    assert again.wait(60) == 2
    assert "needs the master key" in again.log_text()
    assert not (up.data / "keys").exists()


def test_one_command_gives_a_whole_control_plane(up: Up) -> None:
    up.data.mkdir(mode=0o755)
    up.variables = SECRETS
    child = up.start()
    link, secret = signed_in_by_link(up, child)

    eventually(lambda: "RUNNING" in up.agent_status(), 90, "the pool's agent")

    assert_secrets_are_with_the_web_server_only(up, child)
    assert_files_are_private(up, child)

    # The link is shown once, in the ready message, and a token never.
    assert child.log_text().count(link) == 1
    assert secret not in child.log_text()
    assert not re.search(r"(user|agent):dagstead:\w", child.log_text())
    for process in all_of(child):
        assert "agent:" not in " ".join(process.cmdline())

    second = up.command("up", "--port", str(free_port()))
    assert second.wait(60) == 2
    assert "is running on" in second.log_text()
    assert f"process {child.pid}" in second.log_text()

    processes = all_of(child)
    child.signal(signal.SIGTERM)
    assert child.wait(60) == 0
    assert_gone(processes, 1)
    assert "Traceback" not in child.log_text()

    again = up.start()
    assert "sign-in#" not in again.log_text()


def test_a_part_that_dies_is_started_again(up: Up) -> None:
    child = up.start()
    eventually(lambda: len(up.parts(child)) == len(_PARTS), 60, "all parts")
    before = up.parts(child)
    assert set(before) == set(_PARTS)
    for process in before.values():
        process.kill()

    def renewed() -> bool:
        after = up.parts(child)
        return set(after) == set(_PARTS) and all(
            after[part].pid != before[part].pid for part in _PARTS
        )

    eventually(renewed, 60, "all parts anew")
    for part in _PARTS:
        child.wait_for_log(f"{part} was killed by SIGKILL: starting it again", 10)
    eventually(lambda: healthy(up), _UP_SECONDS, "the web server", retry_on=(httpx.TransportError,))


def test_nothing_outlives_a_killed_supervisor(up: Up) -> None:
    child = up.start()
    child.wait_for_log("Starting the managed pool's agent", 60)
    processes = all_of(child)
    child.signal(signal.SIGKILL)
    assert_gone(processes, 60)
    with locked_folder(up.data), socket.create_server(("127.0.0.1", up.port)):
        pass


def test_an_interrupt_before_it_is_ready_stops_it_too(up: Up) -> None:
    child = up.command("up", "--port", str(up.port))
    child.wait_for_log("Started web, process", 60)
    processes = all_of(child)
    child.signal(signal.SIGINT)
    assert child.wait(60) == 0
    _, alive = psutil.wait_procs(processes, 1)
    assert alive == []
    assert "Dagstead is running" not in child.log_text()


def test_a_port_in_use_is_told(up: Up) -> None:
    with socket.create_server(("127.0.0.1", up.port)):
        child = up.command("up", "--port", str(up.port))
        assert child.wait(60) == 2
    assert "choose another port with --port" in child.log_text()


def test_everything_lives_in_postgres_when_asked_to(up: Up, postgres_url: str) -> None:
    up.arguments = ("--database", postgres_url, "--no-pool")
    child = up.start()
    assert not (up.data / "dagstead.db").exists()
    made = up.command("token", "create", "--name", "ada", "--database", postgres_url)
    assert made.wait(60) == 0
    secret = re.search(r"user:dagstead:\w+", made.log_text())
    assert secret
    answer = httpx.post(
        f"{up.url}/prod/graphql",
        json={"query": "{runsOrError{__typename}}"},
        headers={"Dagster-Cloud-Api-Token": secret[0]},
        trust_env=False,
        timeout=60,
    )
    assert answer.json() == {"data": {"runsOrError": {"__typename": "Runs"}}}

    child.wait_for_log("Running the daemons", 60)
    second = up.command("daemon", "--database", postgres_url)
    second.wait_for_log("Another process runs the daemons", 60)
    assert "Running the daemons" not in second.log_text()
    assert child.stop(60) == 0
    second.wait_for_log("Running the daemons", 60)
    assert second.stop(60) == 0


def test_daemons_that_are_frozen_are_replaced(up: Up) -> None:
    up.arguments = ("--no-pool",)
    child = up.start()
    child.wait_for_log("Running the daemons, as leader 1", 60)
    frozen = up.parts(child)["daemon"]
    frozen.suspend()
    child.wait_for_log("daemon has been frozen", 30)
    child.wait_for_log("Running the daemons, as leader 2", 60)
    assert not frozen.is_running()
    whole = httpx.get(f"{up.url}/health/all", trust_env=False, timeout=60).json()
    assert (whole["status"], whole["leader"]["epoch"]) == ("ok", 2)
