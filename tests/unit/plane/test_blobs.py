"""Keys of files."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dagstead.errors import InvalidInputError
from dagstead.plane.blobs import BlobKey, BlobKind


@given(st.text(max_size=60))
def test_no_key_of_a_file_leaves_its_scope(path: str) -> None:
    try:
        key = BlobKey(BlobKind.ARTIFACT, "prod", path)
    except InvalidInputError:
        return
    parts = str(key).split("/")
    assert parts[:2] == ["artifact", "prod"]
    assert not {"", ".", ".."} & set(parts)
