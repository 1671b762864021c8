"""The pool's folder: the only place on disk that the pool reads and writes."""

from __future__ import annotations

import fcntl
import json
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

from dagstead.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import IO

#: At the end of the name of a folder that is being removed.
_REMOVED = ".removed"


@dataclass(frozen=True, kw_only=True, slots=True)
class PoolHome:
    """The paths in the pool's folder. :meth:`create` makes the folders."""

    root: Path

    @property
    def configuration(self) -> Path:
        """The agent's ``dagster.yaml``."""
        return self.root / "dagster.yaml"

    @property
    def layers(self) -> Path:
        """Unpacked PEX files of dependencies, shared by the environments that name them."""
        return self.root / "layers"

    @property
    def environments(self) -> Path:
        """Unpacked PEX files of sources, one per PEX tag."""
        return self.root / "environments"

    @property
    def tags(self) -> Path:
        """The PEX tag of each environment, kept after the environment itself is gone."""
        return self.root / "tags"

    @property
    def runs(self) -> Path:
        """A folder for each run worker: its process, its output, how it ended."""
        return self.root / "runs"

    @property
    def deployments(self) -> Path:
        """A folder for each deployment: what its steps have stored, such as their outputs."""
        return self.root / "deployments"

    def outputs_of(self, deployment: str) -> Path:
        """The folder of a deployment."""
        return self.deployments / quote(deployment, safe="")

    @property
    def images(self) -> Path:
        """A note for each image that the pool brought to Docker, and when it was needed last."""
        return self.root / "images"

    @property
    def compute_logs(self) -> Path:
        """What steps write, until it has been uploaded."""
        return self.root / "compute_logs"

    @property
    def servers(self) -> Path:
        """A record for each code server."""
        return self.root / "servers"

    @property
    def locks(self) -> Path:
        """Files that are only ever locked."""
        return self.root / "locks"

    @property
    def interpreters(self) -> Path:
        """What the PEX tool has found out about the Pythons of this machine."""
        return self.root / "interpreters"

    @property
    def docker_name(self) -> Path:
        """The pool's own name in Docker; there once its code has run in containers."""
        return self.root / "docker-name"

    @property
    def agents(self) -> Path:
        """The ids of the agents that had the folder, the newest last."""
        return self.root / "agents.json"

    @property
    def users(self) -> Path:
        """The numbers of the pool's users, where it has some."""
        return self.root / "users.json"

    @property
    def tenants(self) -> Path:
        """What every code location has for itself: its home, its temporary files, its logs."""
        return self.root / "tenants"

    @property
    def scratch(self) -> Path:
        """Downloads and the working folders of the PEX tool; emptied when the agent starts."""
        return self.root / "scratch"

    def create(self) -> None:
        """Make the folders, readable by their owner only: they hold user code and its output."""
        for folder in (
            self.root,
            self.layers,
            self.environments,
            self.tags,
            self.runs,
            self.compute_logs,
            self.deployments,
            self.images,
            self.servers,
            self.locks,
            self.interpreters,
            self.tenants,
            self.scratch,
        ):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def take(self) -> IO[str]:
        """Take the folder for this process alone, until it closes what it gets.

        Raises:
            ConfigurationError: Another agent has the folder.
        """
        self.create()
        file = (self.root / "agent.lock").open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            msg = (
                f"Another agent already works in {self.root}. One folder is for one agent: "
                "stop the other one, or give this one a folder of its own."
            )
            raise ConfigurationError(msg) from None
        return file

    def clear_leftovers(self) -> None:
        """Remove what an agent that was killed left half done. Nobody else may be at work."""
        for leftover in self.scratch.iterdir():
            remove(leftover)
        for folder in (self.layers, self.environments, self.runs):
            for leftover in folder.glob(".*"):
                shutil.rmtree(leftover, ignore_errors=True)
        for pattern in (f".*{_REMOVED}", f"*/storage/.*{_REMOVED}"):
            for leftover in self.deployments.glob(pattern):
                shutil.rmtree(leftover, ignore_errors=True)

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the lock ``name`` against every other thread and process; waits for it."""
        with (self.locks / f"{name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def write_json(target: Path, value: Mapping[str, Any]) -> None:
    """Write a small file whole or not at all."""
    temporary = target.with_name(f".{target.name}.{uuid4().hex}")
    temporary.write_text(json.dumps(value, indent=1, sort_keys=True), encoding="utf-8")
    temporary.replace(target)


def read_json(source: Path) -> dict[str, Any] | None:
    """Read what :func:`write_json` wrote; ``None`` where there is no such (whole) file."""
    try:
        value = json.loads(source.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return None
    return value if isinstance(value, dict) else None


def remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it; nothing happens when it is gone."""
    if path.is_dir() and not path.is_symlink():
        # The new name makes a folder that is only half removed invisible to everybody else.
        doomed = path.with_name(f".{path.name}.{uuid4().hex}{_REMOVED}")
        try:
            path.rename(doomed)
        except FileNotFoundError:
            return
        shutil.rmtree(doomed, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def remove_older(folder: Path, *, before: float) -> None:
    """Remove what is in ``folder`` and has not changed since ``before``, at any depth.

    Args:
        folder: stays itself.
        before: seconds since 1970.
    """
    for child in folder.iterdir():
        with suppress(FileNotFoundError):
            if not has_changed(child, since=before):
                remove(child)


def has_changed(path: Path, *, since: float) -> bool:
    """Whether a file, or anything in a folder, has changed since a time in seconds since 1970.

    Raises:
        FileNotFoundError: something was removed meanwhile.
    """
    return any(found.lstat().st_mtime >= since for found in (path, *path.rglob("*")))
