"""Projects in memory, and projects as people might write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from dagstead.repository.files import Project
from dagstead.repository.files.reader import with_changes
from dagstead.repository.layouts.migration import plan_migration
from dagstead.repository.layouts.model import Layout, Migration, MigrationRequest

ROOT = Path("/a-project-in-memory")


class MemoryTree:
    """Files by path; every folder that is named in one, and those given, are there."""

    def __init__(self, files: Mapping[str, bytes], folders: frozenset[str] = frozenset()) -> None:
        self.files = dict(files)
        parents = (parent.as_posix() for path in files for parent in Path(path).parents)
        self._folders = frozenset(parents) | folders

    def read(self, path: str) -> bytes | None:
        return self.files.get(path)

    def is_folder(self, path: str) -> bool:
        return path in self._folders


def project_of(files: Mapping[str, bytes]) -> Project:
    empty = Project(root=ROOT, repository=ROOT, files=(), definitions=(), locations=())
    return with_changes(empty, files)


def planned(files: Mapping[str, str | bytes], to: Layout, **request: Any) -> Migration:
    """A plan for some files; every folder that a test names is there."""
    data = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
    folders = frozenset({"a", "b", "c", "etl", "reports", "deep/er", "d e"})
    return plan_migration(
        project_of(data), MigrationRequest(layout=to, **request), MemoryTree(data, folders)
    )


def migrated(files: Mapping[str, str | bytes], to: Layout, **request: Any) -> dict[str, str]:
    """All files after a migration, as text with their line ends."""
    after: dict[str, str] = {
        path: text if isinstance(text, str) else text.decode() for path, text in files.items()
    }
    for change in planned(files, to, **request).changes:
        if change.after is None:
            del after[change.path]
        else:
            after[change.path] = change.after.decode()
    return after


def comments(files: Mapping[str, str]) -> list[str]:
    """The comments of made-up files, in which every ``#`` begins one."""
    return sorted(
        found.strip() for text in files.values() for found in re.findall(r"#[^\r\n]*", text)
    )


_FOLDERS = ["a", "b", "c", "deep/er", "d e", "etl"]
_QUOTES = st.sampled_from(["", "'", '"'])
_WORDS = st.sampled_from(["one", "two", "a: b", "1", "no", "é", "x-y", "{z}"])


@st.composite
def _scalar(draw: st.DrawFn, value: str) -> str:
    quote = draw(_QUOTES)
    if not quote and re.fullmatch(r"[a-zA-Z./][\w ./-]*", value) and value not in {"no", "yes"}:
        return value
    return f"{quote or chr(39)}{value}{quote or chr(39)}"


@st.composite
def _fields(
    draw: st.DrawFn, folder: str | None, column: int, step: int, *, plain: bool
) -> list[str]:
    """The lines of an entry behind its name, without line ends."""
    pad, deeper = " " * column, " " * (column + step)
    blocks: list[list[str]] = []
    directory = [] if folder is None else [f"directory: {draw(_scalar(folder))}"]
    registry = draw(st.sampled_from([[], ["registry: host/x"], ["registry:  # later"]]))
    inner = draw(st.permutations([*directory, *registry]))
    as_block = draw(st.booleans())
    if inner and as_block:
        blocks.append([f"{pad}build:", *(deeper + each for each in inner)])
    elif inner:
        flow = ", ".join(each.split("  #")[0] for each in inner)
        blocks.append([f"{pad}build: {{{flow}}}"])
    sources = ["module_name: m.n", "module_name: m.definitions", "module_name: m"]
    others = [] if plain else ["package_name: p", "python_file: f.py"]
    source = draw(st.sampled_from([*sources, *others]))
    blocks.append([f"{pad}code_source:", deeper + source])
    extra = ["image"] if plain else ["attribute", "working_directory"]
    keys = draw(st.sets(st.sampled_from(["agent_queue", *extra])))
    blocks += [[f"{pad}{key}: {draw(_WORDS.flatmap(_scalar))}"] for key in sorted(keys)]
    if draw(st.booleans()):
        variables = [f"{deeper}{' ' * step}env_vars:", f"{deeper}{' ' * step}- A=1"]
        blocks.append([f"{pad}container_context:", f"{deeper}k8s:", *variables])
    lines: list[str] = []
    for number, (*block, last) in enumerate(draw(st.permutations(blocks))):
        if draw(st.integers(0, 4)) == 0:
            lines.append(f"{pad}# above {folder} {number}")
        behind = draw(st.integers(0, 4)) == 0 and "#" not in last
        lines += [*block, f"{last}  # behind {folder} {number}" if behind else last]
    return lines


@st.composite
def _entry(
    draw: st.DrawFn, name: str, folder: str | None, column: int, step: int, *, plain: bool
) -> list[str]:
    pad = " " * column
    fields = draw(_fields(folder, column + 2, step, plain=plain))
    lines = [f"{pad}- location_name: {draw(_scalar(name))}", *fields]
    if draw(st.integers(0, 2)) == 0:
        lines = [f"{pad}# about {name}", *lines]
    if draw(st.integers(0, 3)) == 0:
        lines = ["", *lines]
    if draw(st.integers(0, 5)) == 0:
        lines.append(f"{pad}  # end of {name}")
    return lines


_DEFAULTS = st.sampled_from(
    [
        "",
        "",
        "defaults:\n  agent_queue: general  # for all",
        "defaults:\n  build:\n    registry: x\n  container_context:\n    k8s: {env_vars: [B=2]}",
        "defaults: {image: host/i, build: {registry: host/all}}",
    ]
)


@st.composite
def root_files(draw: st.DrawFn, *, plain: bool = False) -> bytes:
    """A ``dagster_cloud.yaml`` with up to six locations, each in a folder of its own.

    A plain one says nothing that dg's files cannot say.
    """
    folders = draw(st.lists(st.sampled_from(_FOLDERS), min_size=1, max_size=6, unique=True))
    column, step = draw(st.sampled_from([0, 2, 4])), draw(st.sampled_from([2, 4]))
    lines: list[str] = []
    if draw(st.booleans()):
        lines += ["# the header", "# of the file", ""]
    lines += draw(_DEFAULTS).splitlines()
    lines.append(draw(st.sampled_from(["locations:", "locations:  # all of them"])))
    for number, folder in enumerate(folders):
        written = draw(st.sampled_from([folder, f"./{folder}", f"{folder}/"]))
        lines += draw(_entry(f"n{number}", written, column, step, plain=plain))
    if draw(st.booleans()):
        lines += ["# the end"]
    newline = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    text = newline.join(lines) + draw(st.sampled_from([newline, ""]))
    return ("\ufeff" if draw(st.booleans()) else "").encode() + text.encode()
