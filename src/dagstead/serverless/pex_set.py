"""PEX tags: the names of the files that make up one deploy of a code location."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from dagstead.errors import PexError

_PREFIX = "files="
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*\.pex")
_SOURCE_PREFIX = "source-"
_VERSION = re.compile(r"3\.[0-9]{1,2}")
_KEY_LENGTH = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class PexSet:
    """The PEX files of one deploy. Read from a tag by :func:`parse_pex_tag`."""

    #: As the CLI wrote it: ``files=deps-<hash>.pex:source-<hash>.pex``.
    tag: str
    #: The file with the project's own code.
    source: str
    #: The files with its dependencies, in the order in which they are searched.
    dependencies: tuple[str, ...]
    #: The Python that the files were built for, as ``3.12``; ``None`` is the pool's own.
    python_version: str | None

    @property
    def key(self) -> str:
        """A short name for this set, the same for the same files."""
        return _digest(f"{self.tag}\n{self.python_version}")

    @property
    def files(self) -> tuple[str, ...]:
        """All file names, the source last: it is the one that changes with every deploy."""
        return (*self.dependencies, self.source)


def layer_key(filename: str, python_version: str | None) -> str:
    """The name of the unpacked form of one file of dependencies."""
    return _digest(f"{filename}\n{python_version}")


def parse_pex_tag(tag: str, python_version: str | None) -> PexSet:
    """Read a tag of the official CLI (``dagster_cloud_cli.core.pex_builder.util``).

    Raises:
        PexError: The tag names no source file or two, or a name that is not a plain file name.
    """
    if not tag.startswith(_PREFIX):
        raise _tag_error(tag, f"it does not begin with {_PREFIX!r}")
    names = tag.removeprefix(_PREFIX).split(":")
    for name in names:
        if not _FILE_NAME.fullmatch(name):
            raise _tag_error(tag, f"{name!r} is not the name of a PEX file")
    sources = [name for name in names if name.startswith(_SOURCE_PREFIX)]
    if len(sources) != 1:
        raise _tag_error(tag, f"it names {len(sources)} source files where exactly one is needed")
    if python_version is not None and not _VERSION.fullmatch(python_version):
        raise _tag_error(tag, f"{python_version!r} is not a Python version such as '3.12'")
    return PexSet(
        tag=tag,
        source=sources[0],
        dependencies=tuple(name for name in names if name != sources[0]),
        python_version=python_version,
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_KEY_LENGTH]


def _tag_error(tag: str, reason: str) -> PexError:
    msg = (
        f"The PEX tag {tag[:200]!r} cannot be used: {reason}. Build the location again with "
        "`dagster-cloud ci build --build-strategy=python-executable` and deploy it."
    )
    return PexError(msg)
