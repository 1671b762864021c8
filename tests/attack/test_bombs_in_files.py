"""PEX files that come to far more than they weigh, or are not what their names say."""

from __future__ import annotations

import io
import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from dagstead.errors import PexError
from dagstead.serverless.unpacking import REFUSED, Quota, UnpackOrder, check_pex

INFO = {"PEX-INFO": b"{}"}
QUOTA = Quota(bytes=1 << 20, files=100, memory_bytes=1 << 30)


@pytest.fixture
def order(tmp_path: Path) -> UnpackOrder:
    return UnpackOrder(
        source=tmp_path / "file",
        name="source-1.pex",
        target=tmp_path / "target",
        python=Path("/usr/bin/python3"),
        cache=tmp_path,
        quota=QUOTA,
    )


def archive(entries: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in entries.items():
            opened.writestr(name, content)
    return made.getvalue()


def many(count: int) -> dict[str, bytes]:
    return {f"package/{number}.py": b"" for number in range(count)}


ZEROS = bytes(QUOTA.bytes)
BOMBS = {
    "one file": {**INFO, "zeros": ZEROS + b"0"},
    "many files": {**INFO, "first": ZEROS[::2], "second": ZEROS[::2], "third": b"0"},
    "a wheel": {**INFO, ".deps/bomb-1-py3-none-any.whl": archive({"zeros": ZEROS})},
    "wheels": {
        **INFO,
        **{f".deps/bomb-{each}.whl": archive({"zeros": ZEROS[:: 1 << 2]}) for each in range(4)},
    },
    "a wheel of another name": {**INFO, ".deps/bomb": archive({"zeros": ZEROS})},
}
CROWDS = {
    "of its own": {**INFO, **many(QUOTA.files)},
    "in a wheel": {**INFO, ".deps/bomb.whl": archive(many(QUOTA.files))},
}


@pytest.mark.parametrize("entries", BOMBS.values(), ids=BOMBS)
def test_what_would_be_too_large_is_refused(
    order: UnpackOrder, entries: Mapping[str, bytes]
) -> None:
    content = archive(entries)
    assert len(content) < QUOTA.bytes // 100
    order.source.write_bytes(content)
    with pytest.raises(PexError, match="would need more than 1 MiB"):
        check_pex(order)
    assert list(order.cache.iterdir()) == [order.source]


@pytest.mark.parametrize("entries", CROWDS.values(), ids=CROWDS)
def test_what_has_too_many_files_is_refused(
    order: UnpackOrder, entries: Mapping[str, bytes]
) -> None:
    order.source.write_bytes(archive(entries))
    with pytest.raises(PexError, match="has more than 100 files"):
        check_pex(order)


def test_what_fits_is_let_pass(order: UnpackOrder) -> None:
    wheel = archive({"package/__init__.py": b"VERSION = 1", "zeros": ZEROS[::2]})
    order.source.write_bytes(archive({**INFO, ".deps/package.whl": wheel, "module.py": b""}))
    check_pex(order)


def test_an_entry_that_lies_about_its_size_gives_no_more_than_it_says(order: UnpackOrder) -> None:
    content = archive({**INFO, "zeros": ZEROS * 2})
    true, said = (len(ZEROS) * 2).to_bytes(4, "little"), (100).to_bytes(4, "little")
    assert content.count(true) == 2
    order.source.write_bytes(content.replace(true, said))
    check_pex(order)
    with zipfile.ZipFile(order.source) as opened, pytest.raises(zipfile.BadZipFile):
        opened.read("zeros")


def test_its_facts_are_not_read_when_they_are_too_long(order: UnpackOrder) -> None:
    order.source.write_bytes(archive({"PEX-INFO": bytes(9 << 20)}))
    with pytest.raises(PexError, match="PEX-INFO of more than"):
        check_pex(replace(order, quota=Quota()))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no archive",
        b"PK\x05\x06" + bytes(18),
        archive({"module.py": b""}),
        archive({"PEX-INFO": b"no JSON"}),
        archive({"PEX-INFO": b"[" * 100_000}),
        archive(INFO)[:-10],
        archive({**INFO, ".deps/cut.whl": archive(INFO)[:30] + archive(INFO)[-22:]}),
    ],
)
def test_what_is_no_pex_is_refused_by_name(order: UnpackOrder, content: bytes) -> None:
    order.source.write_bytes(content)
    with pytest.raises(PexError, match=r"source-1\.pex is not a whole PEX"):
        check_pex(order)


@pytest.mark.parametrize("info", [b"{}", b"[]", b'{"pex_hash": 1}', b'{"pex_hash": "a"}'])
@pytest.mark.parametrize("end", ["", "+" + "b" * 64])
def test_another_pex_under_a_name_is_refused(order: UnpackOrder, info: bytes, end: str) -> None:
    order.source.write_bytes(archive({"PEX-INFO": info}))
    named = replace(order, name=f"source-{'a' * 40}{end}.pex")
    with pytest.raises(PexError, match="another PEX than its name says"):
        check_pex(named)


def test_the_process_refuses_before_it_unpacks(order: UnpackOrder) -> None:
    order.source.write_bytes(archive(BOMBS["wheels"]))
    ended = subprocess.run(order.command(), capture_output=True, text=True, check=False)
    assert ended.returncode == REFUSED
    assert ended.stdout.startswith("source-1.pex would need more than 1 MiB")
    assert not order.target.exists()
