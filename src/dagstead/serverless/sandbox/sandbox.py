"""Starting user code behind the walls that this machine allows."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from dagstead.errors import ConfigurationError
from dagstead.serverless.home import remove
from dagstead.serverless.sandbox.bubblewrap import inside_bubblewrap
from dagstead.serverless.sandbox.cgroups import found_cgroups
from dagstead.serverless.sandbox.filters import filter_file
from dagstead.serverless.sandbox.limit_watch import tasks_of
from dagstead.serverless.sandbox.limits import ProcessLimits
from dagstead.serverless.sandbox.loopback import Loopback, remove_left_behind
from dagstead.serverless.sandbox.orders import ENTER, Order, carried_out, interpreter
from dagstead.serverless.sandbox.programs import Owner, Program, StartCommand
from dagstead.serverless.sandbox.reach import SYSTEM, FileReach, of_interpreter
from dagstead.serverless.sandbox.rulesets import SCOPES, ruleset_of
from dagstead.serverless.sandbox.users import (
    PoolUsers,
    let_pass,
    let_read,
    own,
    share,
    shared_umask,
    take_back,
)
from dagstead.serverless.sandbox.walls import Level

if TYPE_CHECKING:
    from dagstead.serverless.home import PoolHome
    from dagstead.serverless.sandbox.cgroups import Cgroups
    from dagstead.serverless.sandbox.walls import Walls

#: All that the programs in front of user code find in their environment.
_BARE = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
}
#: The kernel ends user code before it ends the control plane.
_VICTIM = 500
#: Certificates that a machine keeps elsewhere than with the system's.
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
#: Without cgroups a single process must not take all before the pool looks again.
_SLACK_BYTES = 1 << 30
_SLACK_TASKS = 4


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """The walls of one pool. Safe to use from several threads."""

    home: PoolHome
    walls: Walls
    #: What no code may see, not even local code: the data folder of the control plane.
    hidden: tuple[Path, ...] = ()
    #: Trees of the machine that all user code may read and write.
    machine_read: tuple[Path, ...] = ()
    machine_written: tuple[Path, ...] = ()

    @cached_property
    def users(self) -> PoolUsers | None:
        """The users of code locations, where they have some."""
        return PoolUsers(self.home, self.walls.users) if self.walls.users else None

    @cached_property
    def cgroups(self) -> Cgroups | None:
        """Where the kernel holds limits; ``None`` where the pool has to look itself."""
        if not self.walls.cgroups:
            return None
        name = hashlib.sha256(str(self.home.root).encode()).hexdigest()[:12]
        return found_cgroups(name)

    @property
    def _filter(self) -> int | None:
        if not self.walls.seccomp:
            return None
        return filter_file(watching_files=bool(self.walls.bubblewrap or self.walls.users))

    def open_folders(self, *more: Path) -> None:
        """Let the pool's users pass to what is theirs, and through more folders."""
        if self.users is None:
            return
        home = self.home
        for folder in (
            *(home.root, home.layers, home.environments, home.deployments),
            *(home.tenants, home.servers, home.scratch, *more),
        ):
            let_pass(folder, self.users.everyone)
        if self.walls.bubblewrap is None:
            # Who has bubblewrap finds the pool's folder without the ones around it.
            for folder in self.hidden:
                if folder in home.root.parents:
                    let_pass(folder, self.users.everyone)

    def close_loopback(self, *ports: int) -> None:
        """Keep user code from what listens on this machine, apart from some ports and itself.

        Rules of pools that were killed are removed.

        Raises:
            ConfigurationError: it worked when it was tried, and does not now.
        """
        if self.walls.users is None or not self.walls.loopback:
            return
        try:
            Loopback(users=self.walls.users).close(*ports)
        except OSError as error:
            msg = f"The loopback cannot be closed to user code: {error}. Start the pool again."
            raise ConfigurationError(msg) from error
        with suppress(OSError):
            remove_left_behind()

    def open_loopback(self) -> None:
        """Take the rules away again, when nothing of the pool runs any more."""
        if self.walls.users is not None and self.walls.loopback:
            with suppress(OSError):
                Loopback(users=self.walls.users).open()

    # -- What is somebody's own ----------------------------------------------------------------

    def user_of(self, owner: Owner) -> int | None:
        """The number of an owner's user; ``None`` is this process's own."""
        if self.users is None or owner.is_local:
            return None
        return self.users.number(owner.kind, owner.name)

    def folder_of(self, owner: Owner) -> Path:
        """The folder of an owner, which no other can enter."""
        user = self.user_of(owner)
        folder = self.home.tenants / owner.folder
        for path in (folder, folder / "tmp"):
            path.mkdir(mode=0o700, exist_ok=True)
            if user is not None:
                # Not its own: it must not put links where the pool makes folders.
                let_pass(path, user)
        for path in (folder / "home", folder / "logs"):
            self._give_new(path, user)
            if user is None:
                take_back(path)
        return folder

    def give_new(self, path: Path, owner: Owner) -> None:
        """Make a folder that belongs to an owner alone."""
        self._give_new(path, self.user_of(owner))

    def _give_new(self, path: Path, user: int | None) -> None:
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
        if user is not None:
            own(path, user)

    def give_tree(self, folder: Path, owner: Owner) -> None:
        """Give a folder with all that is in it, which nobody can write to yet, to an owner."""
        user = self.user_of(owner)
        if user is None:
            return
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user, user, follow_symlinks=False)

    def let_read(self, path: Path, owner: Owner) -> None:
        """Let an owner, and whoever has its group, read a file or a tree of readable files."""
        user = self.user_of(owner)
        if user is not None:
            let_read(path, user)

    def sweep(self, names: Collection[str]) -> None:
        """Remove what programs have left that ended unseen.

        Args:
            names: of the programs that run.
        """
        if self.cgroups is not None:
            for name in self.cgroups.names():
                if name not in names:
                    self.cgroups.remove(name)
        for folder in self.home.tenants.glob("*/tmp/*"):
            if folder.name not in names:
                remove(folder)

    def end(self, owner: Owner, name: str) -> None:
        """Remove the temporary files and the cgroup of a program that has ended."""
        if self.cgroups is not None:
            self.cgroups.remove(name)
        remove(self.home.tenants / owner.folder / "tmp" / name)

    # -- Starting ------------------------------------------------------------------------------

    @contextmanager
    def around(self, name: str, owner: Owner, program: Program) -> Iterator[StartCommand]:
        """How to start a program; what is yielded holds until the process has been started.

        Args:
            name: of this process, which no other one has.
            owner: whose code it is.
            program: what runs behind the walls.

        Raises:
            PexError: there are no more users.
            OSError: a folder cannot be made.
        """
        executable, *arguments = program.command
        found = shutil.which(executable, path=program.environment.get("PATH"))
        if found is None:
            raise FileNotFoundError(errno.ENOENT, "It cannot be executed", executable)
        program = replace(program, command=[found, *arguments])
        reach = self._reach(name, owner, program)
        cgroups = () if self.cgroups is None else self.cgroups.make(name, program.limits)
        with ExitStack() as stack:
            order = self._order(owner, program, reach, stack)
            if self.walls.bubblewrap is None:
                order = replace(
                    order,
                    cgroups=cgroups,
                    limits=self._limits(program.limits),
                    likely_victim=_VICTIM,
                )
                command, own_order = stack.enter_context(carried_out(order))
                descriptors = [own_order]
            else:
                command, descriptors = self._in_bubblewrap(
                    order, program, reach, cgroups, stack, self._users_file(owner)
                )
            descriptors += [fd for fd in (order.ruleset, order.filter) if fd is not None]
            yield StartCommand(command=command, environment=_BARE, descriptors=tuple(descriptors))

    def _in_bubblewrap(
        self,
        order: Order,
        program: Program,
        reach: FileReach,
        cgroups: Sequence[str],
        stack: ExitStack,
        users_file: Path | None,
    ) -> tuple[list[str], list[int]]:
        assert self.walls.bubblewrap is not None  # noqa: S101 - the caller has looked
        inner, inner_fd = stack.enter_context(carried_out(order))
        wrapped, wrapped_fd = stack.enter_context(
            inside_bubblewrap(
                self.walls.bubblewrap,
                inner,
                reach,
                changes_user=order.user is not None or bool(order.groups),
                users_file=users_file,
                memory=program.limits.memory,
            )
        )
        outer = Order(
            argv=wrapped,
            environment=_BARE,
            cgroups=cgroups,
            limits=self._limits(program.limits),
            likely_victim=_VICTIM,
            no_new_privileges=False,
            waits=True,
        )
        command, outer_fd = stack.enter_context(carried_out(outer))
        return command, [inner_fd, wrapped_fd, outer_fd]

    def _order(self, owner: Owner, program: Program, reach: FileReach, stack: ExitStack) -> Order:
        walls = self.walls
        user = self.user_of(owner)
        stays_root = os.geteuid() == 0 and user is None
        ruleset = None
        if walls.landlock and walls.bubblewrap is None:
            trees = reach.as_trees(as_root=stays_root)
            ruleset = stack.enter_context(ruleset_of(trees, files=True))
        elif walls.landlock >= SCOPES:
            ruleset = stack.enter_context(ruleset_of(reach, files=False))
        return Order(
            argv=program.command,
            environment=self._environment(program, reach),
            folder=self._folder(program, reach),
            user=user,
            groups=reach.groups,
            drop_capabilities=stays_root and walls.level != Level.NONE,
            niceness=program.niceness,
            umask=shared_umask(program.umask) if user is not None else program.umask,
            ruleset=ruleset,
            filter=self._filter,
        )

    def _folder(self, program: Program, reach: FileReach) -> str | None:
        if program.folder is not None:
            return str(program.folder)
        # This process's own is out of reach.
        return None if self.walls.level is Level.NONE else str(reach.home)

    def _environment(self, program: Program, reach: FileReach) -> Mapping[str, str]:
        if self.walls.level == Level.NONE:
            return program.environment
        temporary = {}
        if reach.temporary is not None:
            inside = self.walls.bubblewrap is not None
            temporary = {"TMPDIR": "/tmp" if inside else str(reach.temporary)}  # noqa: S108
        return {**program.environment, "HOME": str(reach.home), **temporary}

    def _limits(self, limits: ProcessLimits) -> dict[str, int]:
        found = {"CORE": 0}
        if self.cgroups is None and limits.memory is not None:
            found["DATA"] = 2 * limits.memory + _SLACK_BYTES
        if self.cgroups is None and limits.processes is not None:
            # The kernel counts all of the user's: where it is this one's, the control plane's too.
            others = tasks_of(os.geteuid()) if os.geteuid() else 0
            found["NPROC"] = others + _SLACK_TASKS * limits.processes
        return found

    # -- FileReach ---------------------------------------------------------------------------------

    def _reach(self, name: str, owner: Owner, program: Program) -> FileReach:
        folder = self.folder_of(owner)
        temporary = folder / "tmp" / name
        self.give_new(temporary, owner)
        written = [*program.written, folder / "logs"]
        if program.deployment is not None:
            written.append(self.outputs_of(program.deployment))
        certificates = (program.environment.get(variable) for variable in _CERTIFICATES)
        return FileReach(
            read=(
                *program.read,
                *of_interpreter(Path(program.command[0])),
                *of_interpreter(interpreter()),
                ENTER,
                self.home.configuration,
                *(Path(path) for path in certificates if path),
            ),
            written=tuple(written),
            home=folder / "home",
            temporary=None if owner.is_local else temporary,
            machine_read=() if owner.is_local else (*SYSTEM, *self.machine_read),
            machine_written=(Path("/"),) if owner.is_local else self.machine_written,
            hidden=(*self.hidden, self.home.root),
            groups=tuple(self._groups(program)),
        )

    def _groups(self, program: Program) -> Iterator[int]:
        if self.users is None:
            return
        yield self.users.everyone
        if program.deployment is not None:
            yield self.users.number("deployment", program.deployment)
        for key in program.packages:
            yield self.users.number("package", key)

    def outputs_of(self, deployment: str) -> Path:
        """The folder with what steps of a deployment have stored, made if it is not there."""
        folder = self.home.outputs_of(deployment)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.users is None:
            take_back(folder)
        else:
            share(folder, self.users.number("deployment", deployment))
        return folder

    def _users_file(self, owner: Owner) -> Path | None:
        """The machine's users and this one: some programs stop for a user without a name."""
        number = self.user_of(owner)
        if number is None:
            return None
        folder = self.home.tenants / owner.folder
        target = folder / "passwd"
        line = f"dagstead:x:{number}:{number}:code location:{folder / 'home'}:/bin/sh\n"
        machine = Path("/etc/passwd").read_text(encoding="utf-8", errors="replace")
        if not target.is_file():
            draft = target.with_name(f".passwd.{uuid4().hex}")
            draft.write_text(f"{machine.rstrip()}\n{line}", encoding="utf-8")
            let_read(draft, number)
            draft.replace(target)
        return target
