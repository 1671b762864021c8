"""Wheels are packed again from what uv keeps."""

from __future__ import annotations

import zipfile
from pathlib import Path

from dagstead.build.wheels import Wheel, pack_wheels

INFO = "ferry-1.dist-info"
#: As some builders write it: without checksums.
RECORD = f"ferry.py,,\n{INFO}/WHEEL,,\n{INFO}/RECORD,,\n"


def packed(folder: Path, cache: Path, code: str) -> Wheel:
    kept, linked = folder / "kept", folder / "linked"
    (kept / INFO).mkdir(parents=True)
    (linked / INFO).mkdir(parents=True)
    (kept / "ferry.py").write_text(code, encoding="utf-8")
    (kept / INFO / "WHEEL").write_text("Wheel-Version: 1.0\nTag: py3-none-any\n", encoding="utf-8")
    (kept / INFO / "RECORD").write_text(RECORD, encoding="utf-8")
    (linked / INFO / "WHEEL").symlink_to(kept / INFO / "WHEEL")
    (wheel,) = pack_wheels(linked, cache, jobs=1)
    return wheel


def test_wheels_without_checksums_differ_by_their_files(tmp_path: Path) -> None:
    cache = tmp_path / "cache"

    first = packed(tmp_path / "first", cache, "PORT = 'east'\n")
    other = packed(tmp_path / "other", cache, "PORT = 'west'\n")
    again = packed(tmp_path / "again", cache, "PORT = 'east'\n")

    assert first.fingerprint == again.fingerprint != other.fingerprint
    with zipfile.ZipFile(other.path) as archive:
        assert archive.read("ferry.py") == b"PORT = 'west'\n"
