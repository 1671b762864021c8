"""Python environments made from PEX files: fetched, unpacked, shared, and removed when unused.

The source of a deploy is unpacked into ``environments/<key>``, every PEX of dependencies into
``layers/<key>``, which many environments share. A path file in the environment puts its layers
behind its own packages, so ``environments/<key>/bin/python`` is all that one needs to run the code:
for the code server, for a run worker, and for the processes that they start. Its name is also what
the code server reports as its executable, so a run's origin leads back to the environment.
"""

from __future__ import annotations

import os
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from dagstead.errors import PexError
from dagstead.serverless.home import read_json, remove, write_json
from dagstead.serverless.pex_set import PexSet, layer_key, parse_pex_tag
from dagstead.serverless.pex_tool import PexTool
from dagstead.serverless.sandbox.programs import Owner, Program

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from contextlib import AbstractContextManager

    from dagstead.serverless.downloads import PexFiles
    from dagstead.serverless.home import PoolHome
    from dagstead.serverless.interpreters import Interpreters
    from dagstead.serverless.sandbox.sandbox import Sandbox
    from dagstead.serverless.unpacking import Quota

#: Written last into an unpacked folder; without it the folder is incomplete. Its modification time
#: is when the folder was last used.
_MARKER = "dagstead.json"
_PATH_FILE = "dagstead_dependencies.pth"
#: The folder in which the CLI packs the project's files as they were.
_WORKING_DIRECTORY = Path("working_directory", "root")
_NEEDED = ("dagster", "dagster-cloud")
_PROBE_SECONDS = 60.0
#: How long a run may wait in a queue and still find out what its environment was made of.
_REMEMBER_SECONDS = 30 * 24 * 3600.0
_PROBE = (
    "import importlib.metadata as m, sys\n"
    "for name in sys.argv[1:]:\n"
    "    try: print(m.version(name))\n"
    "    except m.PackageNotFoundError: print('')\n"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class PexEnvironment:
    """An environment that is ready to run."""

    key: str
    python: Path
    #: Where the project's files are; relative paths in user code start here.
    working_directory: Path
    #: Folders with the scripts of the project and of its dependencies.
    scripts: tuple[Path, ...]
    #: The environment's own folder and those of its layers, and their names.
    trees: tuple[Path, ...]
    packages: tuple[str, ...]


class EnvironmentStore:
    """All environments of a pool. Safe to use from several threads and processes."""

    def __init__(  # noqa: PLR0913 - all of it is passed in
        self,
        *,
        home: PoolHome,
        files: PexFiles,
        interpreters: Interpreters,
        environment: Mapping[str, str],
        clock: Callable[[], float],
        stop: threading.Event,
        parallel: int,
        sandbox: Sandbox,
        quota: Quota,
    ) -> None:
        """Take the folder and the ways to fill it.

        Args:
            home: The pool's folder.
            files: Where PEX files come from.
            interpreters: The Pythons of this machine.
            environment: What the PEX tool is started with.
            clock: Seconds since 1970.
            stop: Ends whatever is under way.
            parallel: How many environments are unpacked at one time.
            sandbox: The walls: PEX files come from users.
            quota: What one file may come to when it is unpacked.
        """
        self._home = home
        self._files = files
        self._interpreters = interpreters
        self._environment = environment
        self._clock = clock
        self._sandbox = sandbox
        self._tool = PexTool(
            home=home, sandbox=sandbox, environment=environment, stop=stop, quota=quota
        )
        self._slots = threading.BoundedSemaphore(parallel)

    def ensure(self, pex: PexSet) -> PexEnvironment:
        """The environment of ``pex``, unpacked now if it is not there yet.

        Raises:
            PexError: A file cannot be fetched or unpacked, or there is no Dagster in it.
        """
        folder = self._home.environments / pex.key
        with self._lock("environment", pex.key):
            # The interpreter is a link, which dangles after the machine's Python was replaced.
            if read_json(folder / _MARKER) is None or not (folder / "bin" / "python").exists():
                with self._slots:
                    self._install(pex, folder)
            self._touch(folder / _MARKER)
            self._touch(self._tag_file(pex.key))
            marker = read_json(folder / _MARKER) or {}
        site_packages = folder / str(marker["site_packages"])
        working_directory = site_packages / _WORKING_DIRECTORY
        layers = [self._home.layers / str(layer) for layer in marker["layers"]]
        return PexEnvironment(
            key=pex.key,
            python=folder / "bin" / "python",
            working_directory=working_directory if working_directory.is_dir() else folder,
            scripts=(folder / "bin", *(layer / "bin" for layer in layers)),
            trees=(folder, *layers),
            packages=(pex.key, *(layer.name for layer in layers)),
        )

    def key_of(self, executable: str) -> str | None:
        """The environment that an interpreter belongs to, from its path alone."""
        parts = Path(executable).parts
        # <pool's folder>/environments/<key>/bin/python: of any pool, on this machine or another.
        is_ours = len(parts) > 3 and parts[-2] == "bin" and parts[-4] == "environments"  # noqa: PLR2004
        return parts[-3] if is_ours else None

    def remembered(self, key: str) -> PexSet | None:
        """The PEX files of an environment that this pool has had, even if it is gone by now."""
        tag = read_json(self._tag_file(key))
        return None if tag is None else parse_pex_tag(tag["tag"], tag["python_version"])

    def sweep(self, in_use: Collection[str], *, keep_seconds: float) -> list[str]:
        """Remove what nobody has used for ``keep_seconds``; returns the names of that."""
        removed = []
        kept_layers: set[str] = set()
        for folder in _folders(self._home.environments):
            with self._lock("environment", folder.name):
                marker = read_json(folder / _MARKER)
                if folder.name in in_use or self._is_fresh(folder / _MARKER, keep_seconds):
                    kept_layers.update((marker or {}).get("layers", ()))
                else:
                    remove(folder)
                    removed.append(folder.name)
        for folder in _folders(self._home.layers):
            with self._lock("layer", folder.name):
                fresh = self._is_fresh(folder / _MARKER, keep_seconds)
                if folder.name not in kept_layers and not fresh:
                    remove(folder)
                    removed.append(folder.name)
        for tag in self._home.tags.glob("*.json"):
            if not self._is_fresh(tag, max(keep_seconds, _REMEMBER_SECONDS)):
                remove(tag)
        return removed

    def _install(self, pex: PexSet, folder: Path) -> None:
        python = self._interpreters.find(pex.python_version)
        write_json(
            self._tag_file(pex.key),
            {"tag": pex.tag, "python_version": pex.python_version},
        )
        layers = {layer_key(file, pex.python_version): file for file in pex.dependencies}
        for key, file in layers.items():
            self._ensure_layer(key, file, python)
        self._fetch_and_unpack(pex.source, folder, python)
        site_packages = self._link_layers(folder, list(layers))
        versions = self._versions(folder, list(layers))
        missing = [name for name, version in zip(_NEEDED, versions, strict=True) if not version]
        if missing:
            remove(folder)
            msg = (
                f"The PEX files {pex.tag!r} do not include {' or '.join(missing)}, without which "
                "no code server can start. Add it to the project's dependencies (setup.py, "
                "pyproject.toml or requirements.txt), build and deploy again."
            )
            raise PexError(msg)
        write_json(
            folder / _MARKER,
            {
                "tag": pex.tag,
                "layers": list(layers),
                "site_packages": str(site_packages.relative_to(folder)),
                "versions": dict(zip(_NEEDED, versions, strict=True)),
            },
        )

    def _ensure_layer(self, key: str, filename: str, python: Path) -> None:
        folder = self._home.layers / key
        with self._lock("layer", key):
            if read_json(folder / _MARKER) is None:
                self._fetch_and_unpack(filename, folder, python)
                site_packages = _site_packages(folder)
                write_json(
                    folder / _MARKER,
                    {"file": filename, "site_packages": str(site_packages.relative_to(folder))},
                )
            self._touch(folder / _MARKER)

    def _fetch_and_unpack(self, filename: str, folder: Path, python: Path) -> None:
        remove(folder)
        download = self._home.scratch / f"{folder.name}-{filename}"
        owner = Owner.package(folder.name)
        try:
            self._files.fetch(filename, download)
            self._tool.unpack(download, filename, folder, python, owner)
            self._sandbox.let_read(folder, owner)
        except OSError as error:
            remove(folder)
            msg = (
                f"PEX file {filename} could not be unpacked under {self._home.root}: {error}. "
                "Look at the space and the permissions of the pool's folder, then deploy again."
            )
            raise PexError(msg) from error
        except PexError:
            remove(folder)
            raise
        finally:
            # The unpacked form is a full copy, so the file itself would only take space.
            remove(download)

    def _link_layers(self, folder: Path, layers: list[str]) -> Path:
        site_packages = _site_packages(folder)
        lines = []
        for layer in layers:
            marker = read_json(self._home.layers / layer / _MARKER) or {}
            packages = self._home.layers / layer / str(marker["site_packages"])
            # Unlike a bare path this also reads the path files that distributions bring along.
            lines.append(f"import site; site.addsitedir({str(packages)!r})\n")
        # The user's packages may have put a link there: it is replaced, and not followed.
        target = site_packages / _PATH_FILE
        remove(target)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write("".join(lines))
            os.fchmod(descriptor, 0o644)
        return site_packages

    def _versions(self, folder: Path, layers: list[str]) -> list[str]:
        """The versions of what an environment must have; empty where it is missing.

        Python runs some of the user's packages for this: they may bring code for its start.
        """
        owner = Owner.package(folder.name)
        name = f"probe-{uuid4().hex}"
        program = Program(
            command=[str(folder / "bin" / "python"), "-c", _PROBE, *_NEEDED],
            environment=dict(self._environment),
            folder=folder,
            read=(folder, *(self._home.layers / layer for layer in layers)),
            packages=(folder.name, *layers),
        )
        try:
            with self._sandbox.around(name, owner, program) as start:
                answer = subprocess.run(  # noqa: S603 - behind the walls
                    start.command,
                    env=dict(start.environment),
                    pass_fds=start.descriptors,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    check=True,
                    text=True,
                    timeout=_PROBE_SECONDS,
                )
        except (OSError, subprocess.SubprocessError) as error:
            remove(folder)
            said = getattr(error, "stderr", "") or ""
            msg = f"The unpacked PEX file in {folder.name} has no working Python: {error}. {said}"
            raise PexError(msg) from error
        finally:
            self._sandbox.end(owner, name)
        return answer.stdout.splitlines()[-len(_NEEDED) :]

    def _lock(self, kind: str, key: str) -> AbstractContextManager[None]:
        # Two letters of the key: 256 lock files at most, however many deploys there are.
        return self._home.lock(f"{kind}-{key[:2]}")

    def _tag_file(self, key: str) -> Path:
        return self._home.tags / f"{key}.json"

    def _is_fresh(self, file: Path, keep_seconds: float) -> bool:
        try:
            asked_for = file.stat().st_mtime
        except FileNotFoundError:
            # Half unpacked; whoever unpacks it holds the lock, so this attempt was abandoned.
            return False
        return self._clock() - asked_for < keep_seconds

    def _touch(self, file: Path) -> None:
        now = self._clock()
        os.utime(file, (now, now))


def _site_packages(folder: Path) -> Path:
    """Where an unpacked PEX file keeps its packages.

    Raises:
        PexError: It is not in the folder: something in the file has put a link there.
    """
    places = [path for path in folder.glob("lib/python3.*/site-packages") if path.is_dir()]
    if len(places) != 1 or not places[0].resolve().is_relative_to(folder.resolve()):
        remove(folder)
        msg = f"The unpacked PEX file in {folder.name} has no packages where Python looks for them."
        raise PexError(msg)
    return places[0]


def _folders(parent: Path) -> list[Path]:
    return [path for path in parent.iterdir() if path.is_dir() and not path.name.startswith(".")]
