"""Paths in ``pyproject.toml`` and ``Pipfile``: uv, Poetry, PDM, Hatch, setuptools and PEP 508."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

from packaging.utils import canonicalize_name

from dagstead.model.nodes import Node, NodeKind
from dagstead.model.source import SourceText
from dagstead.repository.changes.parts import EVERYTHING, Edge, Hop, Subtree
from dagstead.repository.changes.requirements import edges_to, path_in_requirement
from dagstead.repository.changes.setup_files import steps_up
from dagstead.repository.files.toml_reader import read_toml

#: Most files name no path, and are not worth reading with places.
_WORTH_READING = re.compile(rb"\bpath\b|workspace|file:|\.\./|\.\.[\"']|\{root|tool\.dagstead|-e ")
_NAME = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_KEYS = tuple[str, ...]


def read_pyproject(file: str, data: bytes | None) -> Node | None:
    """A document that may name paths; ``None`` for one that does not, or cannot be read."""
    return _read(file, data) if data is not None and _WORTH_READING.search(data) else None


def unreadable_edges(file: str, data: bytes | None) -> Iterator[Edge]:
    """An edge to everything when a document may name paths, and cannot be read."""
    if data is not None and _WORTH_READING.search(data) and _read(file, data) is None:
        yield Edge(to=Subtree(path=EVERYTHING), hop=Hop(file=file, what="(cannot be read)"))


def path_edges(
    file: str, root: Node, *, sources_of: frozenset[str] | None = None
) -> Iterator[Edge]:
    """What a document names by path; of some packages only, where uv finds these."""
    folder = file.rpartition("/")[0] or EVERYTHING
    for keys, node in _texts(root, ()):
        if keys[:2] == ("tool", "dagstead"):
            continue
        if sources_of is not None and not _is_source_of(keys, sources_of):
            continue
        for path in _paths(keys, node.text or ""):
            hop = Hop(file=file, line=node.position.line, what=_shown(keys))
            yield from edges_to(path, folder, hop)


def workspace_sources(root: Node) -> Iterator[tuple[str, Node]]:
    """The names of uv sources that are members of the same workspace."""
    sources = root.get("tool", "uv", "sources")
    for entry in () if sources is None else sources.entries:
        for each in entry.value.items or (entry.value,):
            flag = each.get("workspace")
            if flag is not None and flag.value is True:
                yield canonicalize_name(str(entry.key.value)), entry.key


def requirement_names(data: bytes | None) -> frozenset[str]:
    """The packages that a document requires, of every group and extra."""
    found = (_NAME.match(text) for text in _requirements(_document(data)))
    return frozenset(canonicalize_name(each[1]) for each in found if each)


def project_name(data: bytes | None) -> str | None:
    """The name of the package, in its normal form."""
    document = _document(data)
    tool = _table(_table(document.get("tool")).get("poetry"))
    name = _table(document.get("project")).get("name") or tool.get("name")
    return canonicalize_name(name) if isinstance(name, str) else None


def is_workspace(data: bytes | None) -> bool:
    """Whether a document makes a workspace of the folders below it, or may: it cannot be read."""
    return data is not None and b"workspace" in data


def texts_of(node: Node | None) -> Iterator[Node]:
    """The texts of a list, or a single text in its place."""
    if node is not None:
        yield from (each for each in (node.items or (node,)) if each.text)


def _texts(node: Node, keys: _KEYS) -> Iterator[tuple[_KEYS, Node]]:
    for entry in node.entries:
        name = str(entry.key.value)
        if steps_up(name):
            # As in Hatch's force-include, whose keys are paths.
            yield keys, entry.key
        yield from _texts(entry.value, (*keys, name))
    for item in node.items:
        yield from _texts(item, keys)
    if node.kind is NodeKind.SCALAR and node.text:
        yield keys, node


def _paths(keys: _KEYS, text: str) -> list[str]:
    if keys[-1:] == ("path",) and _is_dependency(keys):
        return [text]
    required = path_in_requirement(text)
    if required is not None:
        return [required]
    editable = re.match(r"-e\s+(\S+)", text)
    return [editable[1]] if editable else steps_up(text)


def _is_dependency(keys: _KEYS) -> bool:
    table = keys[:-2]
    return (
        table == ("tool", "uv", "sources")
        or (
            keys[:2] == ("tool", "poetry")
            and table[-1:] in {("dependencies",), ("dev-dependencies",)}
        )
        or table in {("packages",), ("dev-packages",)}
    )


def _is_source_of(keys: _KEYS, names: frozenset[str]) -> bool:
    is_source = keys[:3] == ("tool", "uv", "sources") and len(keys) > 3  # noqa: PLR2004 - a name
    return is_source and canonicalize_name(keys[3]) in names


def _read(file: str, data: bytes) -> Node | None:
    try:
        return read_toml(SourceText.decode(file, data)).root
    except UnicodeDecodeError:
        return None


def _document(data: bytes | None) -> dict[str, Any]:
    try:
        return tomllib.loads((data or b"").decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _requirements(document: dict[str, Any]) -> Iterator[str]:
    project = _table(document.get("project"))
    uv = _table(_table(document.get("tool")).get("uv"))
    lists = [project.get("dependencies"), uv.get("dev-dependencies")]
    lists += _table(project.get("optional-dependencies")).values()
    lists += _table(document.get("dependency-groups")).values()
    for each in lists:
        for text in each if isinstance(each, list) else ():
            if isinstance(text, str):
                yield text


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _shown(keys: _KEYS) -> str:
    """As in ``[tool.uv.sources] shared``."""
    names = keys[:-1] if keys[-1:] == ("path",) else keys
    return f"[{'.'.join(names[:-1])}] {names[-1]}" if len(names) > 1 else ".".join(names)
