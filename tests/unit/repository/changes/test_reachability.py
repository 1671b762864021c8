"""Random repositories: what is touched is what can be reached, never less."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from dagstead.repository.changes import made_from
from dagstead.repository.changes.git import Change
from dagstead.repository.changes.path_matcher import Matcher
from dagstead.repository.files.reader import read_contents
from tests.unit.repository.changes.git_repositories import Repository, cloud

FOLDERS = [f"f{number}" for number in range(7)]
LOCATIONS = FOLDERS[:3]

Edges = frozenset[tuple[str, str, str]]

#: One folder requires another by path, in one of the ways to say so.
edges = st.frozensets(
    st.tuples(
        st.sampled_from(FOLDERS),
        st.sampled_from(["uv", "poetry", "pip", "direct", "recursive", "setup", "link"]),
        st.sampled_from(FOLDERS),
    ),
    max_size=9,
)


def files_of(graph: Edges) -> dict[str, str]:
    """Files that say what the edges are."""
    files = {"dagster_cloud.yaml": cloud(**{each: each for each in LOCATIONS})}
    tables: dict[str, list[str]] = {}
    for number, (source, kind, target) in enumerate(sorted(graph)):
        match kind:
            case "uv":
                text = f'[tool.uv.sources.n{number}]\npath = "../{target}"\n'
                tables.setdefault(f"{source}/pyproject.toml", []).append(text)
            case "poetry":
                text = f'[tool.poetry.dependencies.n{number}]\npath = "../{target}"\n'
                tables.setdefault(f"{source}/pyproject.toml", []).append(text)
            case "pip":
                tables.setdefault(f"{source}/requirements.txt", []).append(f"-e ../{target}\n")
            case "direct":
                line = f"n{number} @ file:../{target}\n"
                tables.setdefault(f"{source}/requirements.txt", []).append(line)
            case "recursive":
                shared = f"shared{number}.txt"
                files[shared] = f"./{target}\n"
                tables.setdefault(f"{source}/requirements.txt", []).append(f"-r ../{shared}\n")
            case "setup":
                line = f"setup(install_requires=['n @ file:../{target}'])\n"
                tables.setdefault(f"{source}/setup.py", []).append(line)
            case _:
                # A link is not a text: the tests make it themselves.
                assert kind == "link", f"there is no way to write the edge {kind!r}"
    return files | {path: "".join(parts) for path, parts in tables.items()}


def reached(graph: Edges, start: str) -> set[str]:
    found = {start}
    while more := {to for source, _, to in graph if source in found} - found:
        found |= more
    return found


def write(repository: Repository, graph: Edges) -> None:
    for path in repository.root.rglob("*"):
        if path.is_symlink() or (path.is_file() and ".git" not in path.parts):
            path.unlink()
    repository.write(files_of(graph) | {f"{each}/code.py": "" for each in FOLDERS})
    for number, (source, kind, target) in enumerate(sorted(graph)):
        if kind == "link":
            (repository.root / source / f"link{number}").symlink_to(f"../{target}")


class Held:
    """Files in memory."""

    def __init__(self, files: Mapping[str, str], links: Mapping[str, str]) -> None:
        self._files = files
        self.links = links
        self.components = ()

    def read(self, path: str) -> bytes | None:
        return self._files[path].encode() if path in self._files else None

    def names(self, folder: str) -> list[str]:
        start = "" if folder == "." else f"{folder}/"
        below = (each.removeprefix(start) for each in self._files if each.startswith(start))
        return sorted({each.partition("/")[0] for each in below})

    def is_file(self, path: str) -> bool:
        return path in self._files

    def exists(self, path: str) -> bool:
        return path in self._files or bool(self.names(path))


@given(graph=edges, changed=st.sampled_from(FOLDERS))
def test_what_is_reached_is_what_is_touched(graph: Edges, changed: str) -> None:
    files = files_of(graph) | {f"{each}/code.py": "" for each in FOLDERS}
    links = {
        f"{source}/link{number}": f"../{target}"
        for number, (source, kind, target) in enumerate(sorted(graph))
        if kind == "link"
    }
    contents = {path: text.encode() for path, text in files.items()}
    project = read_contents(Path("nowhere"), contents)
    held = Held(files, links)
    parts = made_from(project, held, prefix="")
    matcher = Matcher(
        [Change(path=f"{changed}/code.py", status="M")],
        {part for each in parts.values() for part in each},
        configuration=frozenset(),
        before=lambda _: None,
        now=held.read,
    )

    touched = {
        name for name, each in parts.items() if any(matcher.of(part).changes for part in each)
    }

    assert touched == {each for each in LOCATIONS if changed in reached(graph, each)}


@settings(max_examples=8)
@given(before=edges, after=edges)
def test_a_change_of_what_is_reached_touches(before: Edges, after: Edges) -> None:
    with tempfile.TemporaryDirectory() as folder:
        repository = Repository.made(Path(folder), {})
        write(repository, before)
        since = repository.commit()
        write(repository, after)

        touched = repository.touched(since)

    assert touched >= {e for e in LOCATIONS if reached(before, e) != reached(after, e)}
