from __future__ import annotations

import pytest

from dagstead.errors import PexError
from dagstead.serverless.pex_set import parse_pex_tag

DEPS = "deps-aaaa.pex"
SOURCE = "source-bbbb.pex"


def test_a_tag_of_the_cli_names_its_files() -> None:
    pex = parse_pex_tag(f"files={DEPS}:{SOURCE}", "3.12")
    assert pex.source == SOURCE
    assert pex.dependencies == (DEPS,)
    assert pex.python_version == "3.12"


def test_dependencies_are_optional_and_keep_their_order() -> None:
    assert parse_pex_tag(f"files={SOURCE}", None).dependencies == ()
    pex = parse_pex_tag(f"files=deps-b.pex:{SOURCE}:deps-a.pex", None)
    assert pex.dependencies == ("deps-b.pex", "deps-a.pex")


def test_the_key_changes_with_each_file_and_with_the_python() -> None:
    tags = [f"files={DEPS}:{SOURCE}", f"files={SOURCE}", f"files={DEPS}:source-c.pex"]
    keys = {parse_pex_tag(tag, version).key for tag in tags for version in (None, "3.12")}
    assert len(keys) == 6
    assert parse_pex_tag(tags[0], None).key == parse_pex_tag(tags[0], None).key


@pytest.mark.parametrize(
    "tag",
    [
        "",
        "source-a.pex",
        "files=",
        f"files={DEPS}",
        "files=source-a.pex:source-b.pex",
        "files=source-a.pex:../../etc/passwd",
        "files=/source-a.pex",
        "files=source-a.pex:",
        "files=source-.pex/../../x.pex",
        "files=source-a",
        "s3=source-a.pex",
    ],
)
def test_a_tag_that_is_none_is_refused_with_what_to_do(tag: str) -> None:
    with pytest.raises(PexError, match="Build the location again"):
        parse_pex_tag(tag, None)


@pytest.mark.parametrize("version", ["3", "2.7", "3.12.1", "latest", "3.12; rm"])
def test_a_python_version_that_is_none_is_refused(version: str) -> None:
    with pytest.raises(PexError, match="not a Python version"):
        parse_pex_tag(f"files={SOURCE}", version)
