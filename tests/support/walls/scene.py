"""A control plane's folder, a neighbour, and hostile code behind the walls of the pool.

Run as a program, so that it can be another user's, in an interpreter that this user reaches:

    python -m tests.support.walls.scene FOLDER WALLS
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagstead.serverless.home import PoolHome, remove
from dagstead.serverless.sandbox.limits import ProcessLimits
from dagstead.serverless.sandbox.programs import Owner, Program
from dagstead.serverless.sandbox.sandbox import Sandbox
from dagstead.serverless.sandbox.walls import Walls

_PROBE = Path(__file__).with_name("probe.py")
_SECONDS = 60
#: linux/sockios.h and linux/if.h
_SET_FLAGS, _UP_AND_RUNNING = 0x8914, 0x41
#: A neighbour: it listens on the socket that it is given, and says so.
_NEIGHBOUR = """
import socket, sys, time
listener = socket.socket(socket.AF_UNIX); listener.bind(sys.argv[1]); listener.listen()
print("ready", flush=True)
time.sleep(600)
"""
#: A process of the control plane.
_CONTROL_PLANE = """
import time
from dagstead.serverless.sandbox.own_process import close_to_others
close_to_others()
print("ready", flush=True)
time.sleep(600)
"""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The folders, and the walls."""

    data: Path
    home: PoolHome
    sandbox: Sandbox
    own: Owner
    package: Path

    def run(self, name: str, code: Sequence[str], limits: ProcessLimits | None = None) -> Any:
        """Run a program of the location's own, and return what it printed last, as JSON."""
        program = Program(
            command=[sys.executable, *code],
            environment={"PATH": os.environ["PATH"], "LD_PRELOAD": str(self.data / "evil.so")},
            folder=self.package,
            read=(self.package, _PROBE),
            packages=(self.package.name,),
            deployment="prod",
            limits=limits or ProcessLimits(),
        )
        try:
            with self.sandbox.around(name, self.own, program) as start:
                done = subprocess.run(
                    start.command,
                    env=dict(start.environment),
                    pass_fds=start.descriptors,
                    capture_output=True,
                    text=True,
                    timeout=_SECONDS,
                    check=False,
                )
        finally:
            self.sandbox.end(self.own, name)
        if not done.stdout.strip():
            return {"code": done.returncode, "stderr": done.stderr}
        return json.loads(done.stdout.splitlines()[-1])


def scene_in(folder: Path, walls: Walls) -> Scene:
    """A data folder with things that are not the location's own."""
    data = folder / "data"
    home = PoolHome(root=data / "pool")
    data.mkdir(mode=0o700, exist_ok=True)
    home.create()
    sandbox = Sandbox(home=home, walls=walls, hidden=(data,))
    sandbox.open_folders()
    # From before there were walls.
    before = home.outputs_of("prod") / "storage" / "value"
    before.parent.mkdir(parents=True, exist_ok=True)
    before.write_text("yours", encoding="utf-8")
    for path in (
        *(data / "dagstead.db", data / "blobs" / "file", home.runs / "other" / "worker.json"),
        *(home.deployments / "staging" / "storage" / "value", home.servers / "other.json"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text("not yours", encoding="utf-8")
    neighbour = Owner.location("prod", "neighbour")
    (sandbox.folder_of(neighbour) / "home" / "secret").write_text("not yours", encoding="utf-8")
    for key, says in (("own", "yours"), ("others", "not yours")):
        package = home.environments / key
        sandbox.give_new(package, Owner.package(key))
        (package / "code.py").write_text(says, encoding="utf-8")
        (package / "code.py").chmod(0o644)
        sandbox.let_read(package, Owner.package(key))
    return Scene(
        data=data,
        home=home,
        sandbox=sandbox,
        own=Owner.location("prod", "hostile"),
        package=home.environments / "own",
    )


def attempts(
    scene: Scene, pids: Mapping[str, int], ports: Mapping[str, int], abstract: str
) -> dict[str, Any]:
    """What the probe tries: names to functions of its own with their arguments."""
    data, home, sandbox = scene.data, scene.home, scene.sandbox
    folder = sandbox.folder_of(scene.own)
    outputs = sandbox.outputs_of("prod")
    database = str(data / "dagstead.db")
    closed = {
        "data folder": data,
        "database": database,
        "blobs": data / "blobs" / "file",
        "list of the pool's folder": home.root,
        "list of environments": home.environments,
        "record of another run": home.runs / "other" / "worker.json",
        "record of a server": home.servers / "other.json",
        "another environment": home.environments / "others" / "code.py",
        "outputs of another deployment": home.deployments / "staging" / "storage" / "value",
        "home of another location": sandbox.home.tenants
        / Owner.location("prod", "neighbour").folder
        / "home"
        / "secret",
        "numbers of users": home.users,
    }
    tries: dict[str, Any] = {name: ["read", str(path)] for name, path in closed.items()}
    for name, pid in pids.items():
        for what in ("environ", "mem", "maps", "root/etc/passwd", "cwd"):
            tries[f"{what} of {name}"] = ["read", f"/proc/{pid}/{what}"]
        tries[f"descriptors of {name}"] = ["opened_by", pid]
        tries[f"trace {name}"] = ["attach", pid]
        tries[f"memory of {name}"] = ["peek", pid]
        tries[f"end {name}"] = ["signal_to", pid]
    tries |= {
        "own layer, written": ["write", str(scene.package)],
        "system, written": ["write", "/usr/lib"],
        "settings of the system, written": ["write", "/etc"],
        "database by a link": ["through_link", database, str(outputs)],
        "database by a hard link": ["by_hard_link", database, str(outputs)],
        "database in new namespaces": ["in_new_namespaces", database],
        "database as root": ["as_root", database],
        "database from outside": ["from_outside", database],
        "password hashes": ["read", "/etc/shadow"],
        "by a file's number": ["by_handle"],
        "the machine's host": ["vsock"],
        "new names of sockets": ["watch", str(home.servers)],
        "a disk": ["make_device", str(outputs)],
        "the kernel's keys": ["keyring"],
        "sockets of others": ["sockets_in_sight", str(home.servers)],
        "an abstract socket": ["connect_unix", abstract],
        "inherited descriptors": ["open_descriptors"],
        "another port": ["connect", ports["others"]],
        "another port without a connection": ["send", ports["others"]],
        # What is its own has to work.
        "own outputs": ["read", str(outputs / "storage" / "value")],
        "own outputs, written": ["write", str(outputs / "storage")],
        "temporary files, written": ["write_temporary"],
        "memory, shared": ["share_memory"],
        "own layer": ["read", str(scene.package / "code.py")],
        "own home, written": ["write", str(folder / "home")],
        "own logs, written": ["write", str(folder / "logs")],
        "the control plane's port": ["connect", ports["plane"]],
        "own port": ["connect_own"],
        "own environment": ["read", "/proc/self/environ"],
    }
    return tries


@contextmanager
def neighbours(scene: Scene) -> Iterator[dict[str, int]]:
    """A process of another location with a socket, and one of the control plane; their numbers."""
    owner = Owner.location("prod", "neighbour")
    bound = scene.home.servers / "bound"
    remove(scene.home.servers / "0123456789ab")
    scene.sandbox.give_new(bound, owner)
    program = Program(
        command=[sys.executable, "-c", _NEIGHBOUR, str(bound / "s")],
        environment={"SECRET": "not yours"},
        written=(bound,),
        deployment="prod",
        folder=Path("/"),
    )
    with ExitStack() as stack:
        with scene.sandbox.around("neighbour", owner, program) as start:
            started = _started(start.command, dict(start.environment), start.descriptors, stack)
        # As the pool does with the sockets of code servers.
        bound.rename(scene.home.servers / "0123456789ab")
        variables = {"SECRET": "not yours", "PYTHONPATH": os.environ["PYTHONPATH"]}
        plane = _started([sys.executable, "-c", _CONTROL_PLANE], variables, (), stack)
        yield {"the neighbour": started.pid, "the control plane": plane.pid}


def _started(
    command: Sequence[str], variables: dict[str, str], inherited: Sequence[int], stack: ExitStack
) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        command, env=variables, pass_fds=inherited, stdout=subprocess.PIPE, start_new_session=True
    )
    stack.callback(process.wait)
    stack.callback(_end_group(process.pid))
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def _end_group(pid: int) -> Callable[[], None]:
    return lambda: os.killpg(pid, 9)


@contextmanager
def answering(port: int) -> Iterator[None]:
    """A program that answers messages without a connection."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", port))

        def answer() -> None:
            with suppress(OSError):
                while message := server.recvfrom(16):
                    server.sendto(b"pong", message[1])

        threading.Thread(target=answer, daemon=True).start()
        yield


def raise_loopback() -> None:
    """Make the loopback of a new network work."""
    request = struct.pack("16sh14x", b"lo", _UP_AND_RUNNING)
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, request)


def main() -> None:
    """Play the scene, and print what came of every attempt."""
    folder, walls = Path(sys.argv[1]), Walls.from_json(json.loads(sys.argv[2]))
    os.umask(0o077)
    scene = scene_in(folder, walls)
    if walls.loopback:
        # In a network of its own, so that no rule is left to the machine.
        raise_loopback()
    with (
        socket.create_server(("127.0.0.1", 0)) as others,
        socket.create_server(("127.0.0.1", 0)) as plane,
        socket.socket(socket.AF_UNIX) as abstract,
        neighbours(scene) as pids,
        answering(others.getsockname()[1]),
    ):
        address = f"dagstead-{os.getpid()}"
        abstract.bind(f"\0{address}")
        abstract.listen()
        ports = {"others": others.getsockname()[1], "plane": plane.getsockname()[1]}
        scene.sandbox.close_loopback(ports["plane"])
        tries = attempts(scene, pids, ports, f"@{address}")
        results = scene.run("probe", [str(_PROBE), json.dumps(tries)])
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    main()
