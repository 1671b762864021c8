"""Finding out by trying which walls this machine allows."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from dagstead.errors import ConfigurationError, DagsteadError
from dagstead.serverless.sandbox.filters import compiled_filter
from dagstead.serverless.sandbox.limits import ProcessLimits
from dagstead.serverless.sandbox.loopback import Loopback
from dagstead.serverless.sandbox.programs import Owner, Program
from dagstead.serverless.sandbox.rulesets import landlock_version
from dagstead.serverless.sandbox.sandbox import Sandbox
from dagstead.serverless.sandbox.user_numbers import usable_range
from dagstead.serverless.sandbox.walls import Level, Walls

if TYPE_CHECKING:
    from dagstead.serverless.home import PoolHome

#: Long: a busy machine must not end with weaker walls than it could have.
_SECONDS = 120.0
#: For the value that lets any level be used.
AUTO = "auto"
#: The settings of levels, by what they choose.
LEVELS = {
    "users": Level.USERS,
    "bubblewrap": Level.BUBBLEWRAP,
    "kernel": Level.KERNEL,
    "off": Level.NONE,
}
#: What has to hold behind walls: nothing of the pool's folder can be read, nor can the environment
#: of the process that is trying; and there is a place for temporary files.
_CHECK = """
import sys
from pathlib import Path
closed, environment, temporary = sys.argv[1:]
for path in (closed, environment):
    try:
        Path(path).read_bytes()
    except OSError:
        continue
    sys.exit(f"{path} can be read")
Path(temporary, "trial").write_text("well")
"""
#: What has to hold of the loopback: one port is closed, another one is open, and so is one's own.
_CHECK_LOOPBACK = """
import socket, sys
closed, opened = map(int, sys.argv[1:])
with socket.create_server(("127.0.0.1", 0)) as own:
    for port in (opened, own.getsockname()[1]):
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
try:
    socket.create_connection(("127.0.0.1", closed), timeout=0.5).close()
except OSError:
    sys.exit(0)
sys.exit("the rules of nftables do not hold")
"""
_OWNER = Owner.package("trial")


@dataclass(frozen=True, kw_only=True, slots=True)
class WallsChoice:
    """What settings say of the walls."""

    #: ``auto``, or a name of :data:`LEVELS`.
    level: str = AUTO
    users: tuple[int, int] | None = None
    hidden: tuple[Path, ...] = ()


def found_walls(home: PoolHome, wanted: WallsChoice) -> Walls:
    """The strongest walls that hold here.

    Args:
        home: the pool's folder, whose folders are made.
        wanted: by the settings.

    Raises:
        ConfigurationError: the level that is wanted cannot be had.
    """
    reasons: list[str] = []
    cgroups = _cgroups_work(home)
    for walls in _candidates(home, wanted):
        problem = _problem(home, walls, wanted)
        if problem is None:
            open_loopback = _loopback_problem(home, walls, wanted)
            reasons += [f"loopback: {open_loopback}"] if open_loopback else []
            reasons += _missing(walls)
            return replace(
                walls, cgroups=cgroups, loopback=open_loopback is None, reasons=tuple(reasons)
            )
        reasons.append(f"{walls.level.name.lower()}: {problem}")
    level = LEVELS.get(wanted.level, Level.NONE)
    if level is not Level.NONE:
        msg = (
            f"The pool's walls {wanted.level!r} (pool_sandbox) cannot be had on this machine: "
            f"{'; '.join(reasons) or _why_not_tried(level)}. Choose 'auto', which takes the "
            "strongest that work."
        )
        raise ConfigurationError(msg)
    return Walls(cgroups=cgroups, reasons=tuple(reasons))


def _candidates(home: PoolHome, wanted: WallsChoice) -> Iterator[Walls]:
    landlock = landlock_version()
    seccomp = compiled_filter(watching_files=True) is not None
    users = usable_range(wanted.users, str(home.root)) if os.geteuid() == 0 else None
    bubblewrap = shutil.which("bwrap")
    only = LEVELS.get(wanted.level)
    for with_users in dict.fromkeys((users, None)):
        for with_bubblewrap in dict.fromkeys((bubblewrap, None)):
            walls = Walls(
                users=with_users, bubblewrap=with_bubblewrap, landlock=landlock, seccomp=seccomp
            )
            if walls.level is not Level.NONE and only in {None, walls.level}:
                yield walls


def _missing(walls: Walls) -> Iterator[str]:
    """What would strengthen any wall, and is not there."""
    if not walls.landlock:
        yield f"landlock: {_why_not_tried(Level.KERNEL)}"
    if not walls.seccomp:
        yield "seccomp: there is no libseccomp; install it with `apt-get install libseccomp2`"


def _why_not_tried(level: Level) -> str:
    return {
        Level.USERS: "only root can start code as other users",
        Level.BUBBLEWRAP: "there is no program bwrap; install it with `apt-get install bubblewrap`",
        Level.KERNEL: "the kernel has no Landlock, or a container's profile refuses it",
    }[level]


def _problem(home: PoolHome, walls: Walls, wanted: WallsChoice) -> str | None:
    sandbox = Sandbox(home=home, walls=walls, hidden=wanted.hidden)
    name = f"trial-{uuid4().hex}"
    closed = home.root / name
    temporary = "/tmp" if walls.bubblewrap else str(_temporary(sandbox, name))  # noqa: S108
    try:
        sandbox.open_folders()
        closed.write_text("closed", encoding="utf-8")
        return _said(sandbox, name, _CHECK, str(closed), f"/proc/{os.getpid()}/environ", temporary)
    except (OSError, DagsteadError) as error:
        return str(error)
    finally:
        with suppress(OSError):
            closed.unlink(missing_ok=True)


def _temporary(sandbox: Sandbox, name: str) -> Path:
    return sandbox.home.tenants / _OWNER.folder / "tmp" / name


def _loopback_problem(home: PoolHome, walls: Walls, wanted: WallsChoice) -> str | None:
    if walls.users is None:
        return "only rules for users of the pool's own can close it"
    sandbox = Sandbox(home=home, walls=walls, hidden=wanted.hidden)
    rules = Loopback(users=walls.users)
    with (
        socket.create_server(("127.0.0.1", 0)) as others,
        socket.create_server(("127.0.0.1", 0)) as own,
    ):
        closed, opened = (str(server.getsockname()[1]) for server in (others, own))
        try:
            rules.close(int(opened))
            return _said(sandbox, f"trial-{uuid4().hex}", _CHECK_LOOPBACK, closed, opened)
        except (OSError, DagsteadError) as error:
            return str(error)
        finally:
            with suppress(OSError):
                rules.open()


def _said(sandbox: Sandbox, name: str, code: str, *arguments: str) -> str | None:
    """Why a check has failed behind the walls."""
    program = Program(
        command=[sys.executable, "-I", "-S", "-c", code, *arguments],
        environment={},
        folder=Path("/"),
    )
    try:
        with sandbox.around(name, _OWNER, program) as start:
            done = subprocess.run(  # noqa: S603 - our own command
                start.command,
                env=dict(start.environment),
                pass_fds=start.descriptors,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
    except subprocess.TimeoutExpired:
        return f"no answer for {_SECONDS:.0f} seconds"
    finally:
        sandbox.end(_OWNER, name)
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines() or [f"code {done.returncode}"]
    return lines[-1]


def _cgroups_work(home: PoolHome) -> bool:
    groups = Sandbox(home=home, walls=Walls(cgroups=True)).cgroups
    if groups is None:
        return False
    name = f"trial-{uuid4().hex}"
    try:
        groups.make(name, ProcessLimits(memory_mb=64, processes=16, cpus=1))
    except OSError:
        return False
    finally:
        groups.remove(name)
    return True
