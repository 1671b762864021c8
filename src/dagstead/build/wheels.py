"""Wheels from what uv has fetched.

uv gives no wheel files, it keeps them unpacked: whole, with their own ``RECORD``. What it links
into a folder leads there, and a wheel is packed again from it. Two wheels of one ``RECORD`` are the
same, so every one is packed once and kept.
"""

from __future__ import annotations

import csv
import hashlib
import os
import stat
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email import message_from_string
from pathlib import Path
from uuid import uuid4

from dagstead.build.cache import touch
from dagstead.errors import BuildError

#: The first moment that a zip file can hold. Times would make each build another file.
_EPOCH = (1980, 1, 1, 0, 0, 0)
#: The quickest: 8 % more bytes than zlib's usual level 6, and less than half the time.
_LEVEL = 1
_KEY_LENGTH = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Wheel:
    """A wheel file that is ready to be put into a PEX."""

    path: Path
    #: SHA-256 of its ``RECORD``, which has that of every file, and of files that it has none of:
    #: another compression is no other wheel.
    fingerprint: str

    @property
    def name(self) -> str:
        """Its official name: ``pandas-2.2.3-cp312-cp312-manylinux_2_17_x86_64.whl``."""
        return self.path.name


def pack_wheels(fetched: Path, cache: Path, *, jobs: int) -> tuple[Wheel, ...]:
    """The wheels of all packages that uv has linked into ``fetched``, sorted by name.

    Raises:
        BuildError: when uv does not keep a wheel as a whole.
    """
    with ThreadPoolExecutor(max(jobs, 1)) as pool:
        packed = pool.map(lambda each: _pack(each, cache), sorted(fetched.glob("*.dist-info")))
        return tuple(sorted(packed, key=lambda wheel: wheel.name))


def _pack(linked: Path, cache: Path) -> Wheel:
    metadata = (linked / "WHEEL").resolve().parent
    if metadata.parent == linked.parent:
        msg = f"uv has copied {linked.name!r} where it was to link. Run `uv cache clean` and retry."
        raise BuildError(msg)
    record = (metadata / "RECORD").read_bytes()
    fingerprint = _fingerprint(record, metadata.parent)
    name = f"{metadata.name.removesuffix('.dist-info')}-{_tags(metadata / 'WHEEL')}.whl"
    # The name must stay what it is, so the folder keeps apart wheels of the same name.
    path = cache / fingerprint[:_KEY_LENGTH] / name
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{uuid4().hex}")
        try:
            _write(draft, metadata.parent, record.decode("utf-8"))
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    touch(path.parent)
    return Wheel(path=path, fingerprint=fingerprint)


def _fingerprint(record: bytes, root: Path) -> str:
    whole = hashlib.sha256(record)
    for row in csv.reader(record.decode("utf-8").splitlines()):
        name, checksum = (*row, "", "")[:2]
        # Some builders leave checksums out: such wheels would all look the same.
        if name and not checksum and not name.endswith((".dist-info/RECORD", ".pyc", "/")):
            file = root / name
            whole.update(file.read_bytes() if file.is_file() else b"")
    return whole.hexdigest()


def _write(path: Path, root: Path, record: str) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        for name in sorted(set(_files(record))):
            file = root / name
            if not file.is_file():
                msg = (
                    f"uv's cache has lost {name!r} of {path.parent.name}. "
                    "Run `uv cache clean`, and build again."
                )
                raise BuildError(msg)
            archive.writestr(entry(name, file), file.read_bytes(), compresslevel=_LEVEL)


def entry(name: str, file: Path) -> zipfile.ZipInfo:
    """What a zip file says about a file; of its mode only whether it may be executed."""
    described = zipfile.ZipInfo(name, _EPOCH)
    described.compress_type = zipfile.ZIP_DEFLATED
    mode = 0o755 if os.access(file, os.X_OK) else 0o644
    described.external_attr = (stat.S_IFREG | mode) << 16
    return described


def _files(record: str) -> Iterator[str]:
    for row in csv.reader(record.splitlines()):
        if row and not row[0].endswith((".pyc", "/")):
            yield row[0]


def _tags(wheel: Path) -> str:
    """The compressed set of tags, as the name of a wheel file has it."""
    tags = message_from_string(wheel.read_text(encoding="utf-8")).get_all("Tag", [])
    columns = zip(*(tag.split("-") for tag in tags), strict=True)
    return "-".join(".".join(sorted(set(column))) for column in columns)
