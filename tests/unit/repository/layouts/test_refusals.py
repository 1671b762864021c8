"""What cannot be moved is refused with its place."""

from __future__ import annotations

import pytest

from dagstead.errors import InvalidInputError, LayoutError
from dagstead.repository.layouts.model import Layout
from tests.unit.repository.layouts.projects import planned

_FILE = "dagster_cloud.yaml"
_A = "locations:\n  - location_name: a\n    build: {directory: a}\n"
_REFUSED = {
    "another meaning": (
        {_FILE: _A, "a/dagster_cloud.yaml": _A.replace("directory: a", "registry: x")},
        "dagster_cloud.yaml:2:20: 'a' is defined in a/dagster_cloud.yaml:2:20, too, and differs",
    ),
    "twice in a file": ({_FILE: _A + _A[11:]}, "4:20: 'a' is defined in dagster_cloud.yaml:2:20"),
    "two for one folder": (
        {_FILE: _A + _A[11:].replace("name: a", "name: b")},
        "dagster_cloud.yaml:4:20: 'b' and 'a' (dagster_cloud.yaml:2:20) both have the folder 'a'",
    ),
    "no folder known": (
        {_FILE: _A + "  - location_name: b\n"},
        "4:20: 'b' has no build.directory, so its folder is not known",
    ),
    "no such folder": ({_FILE: _A.replace("y: a", "y: gone")}, "3:24: there is no folder 'gone'"),
    "outside": ({_FILE: _A.replace("y: a", "y: ../x")}, "3:24: '../x', the folder of 'a', is out"),
    "template": ({_FILE: _A.replace("y: a", "y: '{{ x }}'")}, "3:25: the file is a Jinja template"),
    "not readable": ({_FILE: _A + "x: [", "b/" + _FILE: _A}, "cannot be read"),
    "two lists": ({_FILE: _A + _A.replace("n: a", "n: b").replace("me: a", "me: b")}, "--repair"),
    "without a name": ({_FILE: _A + "  - image: x\n"}, "4:5: this entry has no location_name"),
    "a foreign key": ({_FILE: _A + "resources: {}\n"}, "4:1: 'resources' belongs to no location"),
    "a variant": ({"dagster_cloud_prod.yaml": _A}, "2:20: 'a' is defined for 'prod' only"),
    "another encoding": ({_FILE: _A.encode() + b"# \xff", "b/" + _FILE: _A}, "not UTF-8"),
    "no text": ({_FILE: _A.replace("y: a", "y: 1")}, "build.directory is not text"),
}


@pytest.mark.parametrize(("files", "words"), _REFUSED.values(), ids=list(_REFUSED))
def test_what_cannot_be_moved_is_refused_with_its_place(
    files: dict[str, str | bytes], words: str
) -> None:
    with pytest.raises(LayoutError) as caught:
        planned(files, Layout.PER_LOCATION)

    assert words in caught.value.message


def test_a_name_that_is_nowhere_is_a_mistake() -> None:
    with pytest.raises(InvalidInputError, match="no location 'z'. Locations: a"):
        planned({_FILE: _A}, Layout.ROOT, names=frozenset({"z"}))


@pytest.mark.parametrize("folder", ["../x", "/x"])
def test_a_folder_outside_is_refused(folder: str) -> None:
    with pytest.raises(LayoutError, match="is outside of what is migrated"):
        planned({_FILE: _A}, Layout.PER_LOCATION, folders={"a": folder})


def test_defaults_need_a_file_with_several_locations() -> None:
    with pytest.raises(InvalidInputError, match="say --to root"):
        planned({_FILE: _A}, Layout.PER_LOCATION, factor_defaults=True)
