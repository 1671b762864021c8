"""Checks a PEX file and unpacks it, as a process of its own: what is in the file is not ours.

Nothing of the file is read before this process begins, other than its bytes for their digest. The
pool starts :meth:`UnpackOrder.command`, which may be wrapped in whatever keeps a process apart.
"""

from __future__ import annotations

import json
import re
import resource
import runpy
import shutil
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from dagstead.errors import PexError
from dagstead.model.pex_names import PexName

#: The exit code for a file that is refused; the output is the reason.
REFUSED = 78

_INFO = "PEX-INFO"
_INFO_BYTES = 8 << 20
#: Where a PEX keeps its distributions. Those that are not folders are archives themselves.
_DISTRIBUTIONS = ".deps/"
_HASH_IN_NAME = re.compile(r"(?:source|deps)-([0-9a-f]{40})\.pex")
_CHUNK_BYTES = 1 << 20
_MEBIBYTE = 1 << 20
_BUILD_AGAIN = (
    "Build it again with `dagster-cloud ci build --build-strategy=python-executable`, which "
    "uploads it, and deploy."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Quota:
    """The most that one PEX file may come to when it is unpacked."""

    bytes: int = 16 << 30
    files: int = 500_000
    #: What the process may use meanwhile.
    memory_bytes: int = 4 << 30


@dataclass(frozen=True, kw_only=True, slots=True)
class UnpackOrder:
    """An order to make a virtual environment of a PEX file."""

    source: Path
    #: The name of the file in the store, which may have the hash that is in the file.
    name: str
    target: Path
    #: The Python that the environment is for.
    python: Path
    #: The tool's own cache, and a place for other things that are gone afterwards.
    cache: Path
    quota: Quota

    def command(self) -> list[str]:
        """The command line of the process, which reads nothing else."""
        paths = {key: str(getattr(self, key)) for key in ("source", "target", "python", "cache")}
        order = {**paths, "name": self.name, "quota": asdict(self.quota)}
        return [sys.executable, "-P", "-m", __name__, json.dumps(order)]

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read what :meth:`command` wrote."""
        order = json.loads(text)
        paths = {key: Path(order[key]) for key in ("source", "target", "python", "cache")}
        return cls(**paths, name=order["name"], quota=Quota(**order["quota"]))


def check_end(name: str, file: Path) -> None:
    """Make sure that a file was not cut off. No more than its end is read, whatever is in it.

    Raises:
        PexError: It was, or is no archive at all.
    """
    if not zipfile.is_zipfile(file):
        msg = f"{PexName.of(name).plain} is not a whole PEX file. {_BUILD_AGAIN}"
        raise PexError(msg)


def check_pex(order: UnpackOrder) -> None:
    """Make sure that a file is a whole PEX, the one that its name says, and not too large.

    Raises:
        PexError: It is not.
    """
    name = PexName.of(order.name).plain
    try:
        with zipfile.ZipFile(order.source) as archive:
            if archive.getinfo(_INFO).file_size > _INFO_BYTES:
                msg = f"{name} has a {_INFO} of more than {_INFO_BYTES} bytes. {_BUILD_AGAIN}"
                raise PexError(msg)
            _check_size(name, archive, order)
            info = json.loads(archive.read(_INFO))
    except (
        *(zipfile.BadZipFile, zlib.error, KeyError, ValueError, EOFError, OSError),
        *(NotImplementedError, RuntimeError, MemoryError, RecursionError),
    ) as error:
        msg = f"{name} is not a whole PEX file ({error}). {_BUILD_AGAIN}"
        raise PexError(msg) from error
    named = _HASH_IN_NAME.fullmatch(name)
    inside = info.get("pex_hash") if isinstance(info, dict) else None
    if named and inside != named[1]:
        msg = f"{name} holds another PEX than its name says: {inside!r}. {_BUILD_AGAIN}"
        raise PexError(msg)


def _check_size(name: str, archive: zipfile.ZipFile, order: UnpackOrder) -> None:
    """Refuse what would come to more than the quota; no entry gives more than it declares."""
    quota = order.quota
    size = 0
    for files, each in enumerate(_entries(archive, order.cache), start=1):
        size += each.file_size
        if size > quota.bytes:
            msg = (
                f"{name} would need more than {quota.bytes // _MEBIBYTE} MiB when it is unpacked. "
                "Leave out what the code does not need, or raise the pool's setting "
                "`pool_unpacked_mb`."
            )
            raise PexError(msg)
        if files > quota.files:
            msg = (
                f"{name} has more than {quota.files} files. Leave out what the code does not "
                "need, or raise the pool's setting `pool_unpacked_files`."
            )
            raise PexError(msg)


def _entries(archive: zipfile.ZipFile, scratch: Path) -> Iterator[zipfile.ZipInfo]:
    """The entries of a PEX, and those of the wheels in it."""
    # First all of its own: a wheel is only written out when it is known to be small enough.
    yield from archive.infolist()
    for entry in archive.infolist():
        path = entry.filename
        if not path.startswith(_DISTRIBUTIONS) or path.count("/") != 1 or entry.is_dir():
            continue
        with archive.open(entry) as packed, tempfile.TemporaryFile(dir=scratch) as wheel:
            shutil.copyfileobj(packed, wheel, _CHUNK_BYTES)
            if zipfile.is_zipfile(wheel):
                with zipfile.ZipFile(wheel) as inner:
                    yield from inner.infolist()


def main() -> None:
    """Do an order, and print what the tool prints, or why the file is refused."""
    order = UnpackOrder.from_text(sys.argv[1])
    quota = order.quota
    for kind, most in (
        (resource.RLIMIT_FSIZE, quota.bytes),
        (resource.RLIMIT_AS, quota.memory_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (allowed, allowed))
    try:
        check_pex(order)
    except PexError as error:
        sys.stdout.write(f"{error.message}\n")
        sys.exit(REFUSED)
    sys.argv = [
        *("pex", "venv", "create"),
        *("--pex-repository", str(order.source)),
        # The folder is there, as only the pool may make folders beside it.
        *("--dest-dir", str(order.target), "--force"),
        *("--python", str(order.python)),
        *("--pex-root", str(order.cache)),
        # Several distributions may bring one file: dbt/__init__.py is in every dbt adapter.
        "--collisions-ok",
        # Scripts must see the other environments that are searched together with this one.
        "--non-hermetic-scripts",
    ]
    runpy.run_module("pex.cli", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
