"""Whatever is in a file, it moves as it is, or is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dagstead.errors import LayoutError
from dagstead.repository.layouts.history import NoHistory
from dagstead.repository.layouts.migration import plan_migration
from dagstead.repository.layouts.model import Layout, MigrationRequest
from dagstead.repository.layouts.restore import plan_repair
from tests.unit.repository.files.test_oddities import GOOD, TEXTS
from tests.unit.repository.layouts.projects import MemoryTree, project_of

_FOLDERS = frozenset({"etl", "x", "y"})
_PART = b"locations:\n  - location_name: part\n    build: {directory: .}\n"
_SOME = (
    "# top\nlocations:\n  - &a\n    location_name: etl  # 1\n    build: &b\n      directory: ./x\n"
    "    code_source: {module_name: etl.definitions}\n    attribute: |\n      two\n\n      lines\n"
    "    working_directory: \"a\n      b\"\n  # second\n  - <<: [*a]\n    location_name: 'y'\n"
    "    build: {directory: y, registry: x}\n    image: >-\n      folded\n  - location_name: z\n"
    "    build: *b\n    container_context: {k8s: {env_vars: [A=1,\n   B=2]}}\n# end\n"
)


def refusals(data: bytes) -> Iterator[str]:
    """Why things are refused, with a second file, so that there is always a move."""
    files = {"dagster_cloud.yaml": data, "x/dagster_cloud.yaml": _PART}
    tree = MemoryTree(files, _FOLDERS)
    project = project_of(files)
    folders = {each.name.value: "y" for each in project.locations[:1]}
    wishes = [
        MigrationRequest(
            layout=layout, factor_defaults=factor, package_as_module=True, folders=folders
        )
        for layout in (Layout.PER_LOCATION, Layout.ROOT, Layout.DG)
        for factor in ((None, True, False) if layout is Layout.ROOT else (None, False))
    ]
    for request in wishes:
        try:
            plan_migration(project, request, tree)
        except LayoutError as error:
            yield error.message
    try:
        plan_repair(project, MigrationRequest(layout=Layout.ROOT), tree, NoHistory())
    except LayoutError as error:
        yield error.message


@pytest.mark.parametrize("text", [*TEXTS.values(), _SOME], ids=[*TEXTS, "some"])
def test_an_oddity_moves_or_is_refused(text: str) -> None:
    assert not [each for each in refusals(text.encode()) if "worked out wrongly" in each]


#: The three ends of a line that YAML 1.1 knows and editors do not.
_ODD_BREAKS = ("\x85", "\u2028", "\u2029")


@pytest.mark.parametrize("odd", _ODD_BREAKS)
@pytest.mark.parametrize("text", [GOOD, "\ufeff" + GOOD, _SOME], ids=["good", "mark", "some"])
@pytest.mark.parametrize("before", ["", "#", "---", "\r", "\n", " "])
def test_a_line_end_that_no_editor_shows_is_refused_with_its_place(
    text: str, odd: str, before: str
) -> None:
    found = list(refusals((before + odd + text).encode()))

    assert not [each for each in found if "worked out wrongly" in each]
    assert any(f"the character U+{ord(odd):04X} ends a line in YAML" in each for each in found)


@pytest.mark.parametrize("odd", [*_ODD_BREAKS, "\r", "\ufeff", "\n\ufeff"])
def test_an_odd_character_anywhere_moves_or_is_refused(odd: str) -> None:
    texts = [_SOME[:at] + odd + _SOME[at:] for at in range(0, len(_SOME), 13)]

    for text in texts:
        assert not [each for each in refusals(text.encode()) if "worked out wrongly" in each]


@settings(max_examples=40)
@example(base="\ufeff" + GOOD, at=0, length=0, new="\u2028")
@given(
    base=st.sampled_from([*TEXTS.values(), _SOME, _SOME]).filter(lambda text: 0 < len(text) < 1000),
    at=st.integers(0, 600),
    length=st.integers(0, 3),
    new=st.text(
        alphabet=" \t\n\r:-#{}[]&*!|>'\"%@`,?<=~éa1_\ufeff\u00a0\u2028\u2029\x85", max_size=3
    ),
)
def test_a_slip_of_the_hand_moves_or_is_refused(base: str, at: int, length: int, new: str) -> None:
    at %= len(base)

    text = base[:at] + new + base[at + length :]

    assert not [each for each in refusals(text.encode()) if "worked out wrongly" in each]
