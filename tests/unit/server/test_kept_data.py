from __future__ import annotations

from pathlib import Path, PurePath

import pytest

from dagstead.server.kept_data import is_named
from dagstead.serverless.home import PoolHome


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("dagstead.db", True),
        ("dagstead.db-wal", True),
        ("blobs/pex/_/a.pex", True),
        ("pool", True),
        ("pool/layers/x/y", True),
        ("pool/deployments/prod/storage", True),
        ("new", False),
        ("new/layers", False),
        ("pool/new", False),
        ("dagstead.db-new", False),
    ],
)
def test_a_new_name_is_noticed(path: str, *, expected: bool) -> None:
    assert is_named(PurePath(path)) is expected


def test_all_folders_of_the_pool_are_named(tmp_path: Path) -> None:
    PoolHome(root=tmp_path / "pool").create()
    folders = [path.relative_to(tmp_path) for path in tmp_path.rglob("*")]
    assert folders
    assert [folder for folder in folders if not is_named(folder)] == []
