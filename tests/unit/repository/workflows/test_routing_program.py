"""The program that workflows carry decides as the commands do."""

from __future__ import annotations

import io
import posixpath
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dagstead.model.location import Kind
from dagstead.repository.files.reader import read_contents
from dagstead.repository.files.slugs import slugs_of
from dagstead.repository.workflows.routing_program import routing_program

_PATH = "dagster_cloud.yaml"
_PROGRAM = compile(routing_program(), "program", "exec")

ENTRIES = [
    "{}",
    "{image: i}",
    "{image: ''}",
    "{image: 1}",
    "{image: 2024-01-01}",
    "{image: !!binary aTox}",
    "{image: ~, executable_path: /x}",
    "{executable_path: /x}",
    "{executable_path: /x, build: {directory: x}}",
    "{image: i, build: {directory: x}}",
    "{image: i, build: {directory: ''}}",
    "{image: i, build: {directory: x, registry: r}}",
    "{build: {registry: r}}",
    "{build: {registry: ''}}",
    "{build: {registry: ~}, agent_queue: q}",
    "{build: {registry: [r]}}",
    "{build: x}",
    "{build: [x]}",
    "{build: ~}",
    "{build: {directory: ../x/./y}}",
    "{agent_queue: q}",
    "{agent_queue: ''}",
    "{agent_queue: ~}",
    "{agent_queue: 0}",
    "{container_context: {}}",
    "{container_context: {k8s: {}}}",
    "{container_context: []}",
    "{container_context: ~}",
    "{image: a, image: ''}",
    "{image: '', image: a}",
    "{<<: {image: a}, build: {directory: x}}",
    "{<<: {image: a}, image: ''}",
]


@contextmanager
def arguments(*given: str) -> Iterator[None]:
    before, sys.argv = sys.argv, ["program", *given]
    try:
        yield
    finally:
        sys.argv = before


def carried(path: Path) -> list[str] | str:
    """The plan that the program prints, or why it ends."""
    printed = io.StringIO()
    try:
        with arguments(str(path)), redirect_stdout(printed):
            exec(_PROGRAM, {"__name__": "__main__"})
    except SystemExit as ended:
        return str(ended.code)
    return printed.getvalue().splitlines()


def same(text: str, root: Path) -> None:
    """Both take the locations of a text for the same."""
    (root / _PATH).write_text(text, encoding="utf-8")
    project = read_contents(root, {_PATH: text.encode()})
    slugs = slugs_of(project)
    ambiguous = [each for each in project.locations if each.kind is Kind.AMBIGUOUS]

    found = carried(root / _PATH)

    if ambiguous:
        assert isinstance(found, str)
        assert f"{ambiguous[0].name.value} is ambiguous" in found
        return
    assert isinstance(found, list), found
    lines = [line.split("|") for line in found]
    assert lines == [
        [
            str(each.kind),
            each.name.value,
            posixpath.normpath(root / each.build_folder),
            each.registry.value if each.registry else "",
            slugs[each.name.value],
        ]
        for each in project.locations
    ]


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_location_is_taken_for_the_same(entry: str, tmp_path: Path) -> None:
    inner = entry[1:-1]
    written = "{location_name: etl" + (f", {inner}" if inner else "") + "}"

    same(f"locations:\n  - {written}\n  - location_name: other\n", tmp_path)


_SOME: list[object] = [None, "", "x", "./x", "../y", 0, True, [], ["x"], {}, {"k8s": {}}]
_VALUES = st.sampled_from(_SOME)
_KEYS = ("image", "executable_path", "agent_queue", "container_context", "working_directory")
_BUILDS = st.dictionaries(st.sampled_from(["directory", "registry"]), _VALUES)


@settings(max_examples=100)
@given(
    entries=st.lists(st.dictionaries(st.sampled_from(_KEYS), _VALUES), max_size=4),
    builds=st.lists(_BUILDS | _VALUES, min_size=4, max_size=4),
    names=st.lists(
        st.text(alphabet="aA1-_. é/", min_size=1, max_size=60), min_size=4, max_size=4, unique=True
    ),
)
def test_any_locations_are_taken_for_the_same(
    entries: list[dict[str, Any]], builds: list[Any], names: list[str]
) -> None:
    listed = [
        {"location_name": name, "build": build, **entry}
        for name, build, entry in zip(names, builds, entries, strict=False)
    ]
    with tempfile.TemporaryDirectory() as folder:
        same(yaml.safe_dump({"locations": listed}, allow_unicode=True), Path(folder))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "there is no list of locations"),
        ("locations: {}\n", "there is no list of locations"),
        ("locations:\n  - image: i\n", "has no location_name"),
        ("locations:\n  - location_name: a|b\n", "cannot be written into a script"),
        ("defaults: {image: i}\nlocations: []\n", "Generate it anew"),
    ],
)
def test_what_cannot_be_deployed_ends_it_with_a_sentence(
    text: str, says: str, tmp_path: Path
) -> None:
    (tmp_path / _PATH).write_text(text, encoding="utf-8")

    found = carried(tmp_path / _PATH)

    assert isinstance(found, str)
    assert says in found


def test_it_runs_without_this_package(tmp_path: Path) -> None:
    (tmp_path / _PATH).write_text("locations:\n  - location_name: A b\n", encoding="utf-8")
    packages = str(Path(yaml.__file__).parents[1])
    blocked = f"import sys\nsys.path.append({packages!r})\nsys.modules['dagstead'] = None\n"
    # The future import must stay the first statement.
    head, _, rest = routing_program().partition("\n")

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-", _PATH],
        input=f"{head}\n{blocked}{rest}",
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "serverless|A b|.||a-b\n"
