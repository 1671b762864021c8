"""dg's tables in ``pyproject.toml`` and ``dg.toml``: written and taken away.

A new table is text behind the others, and one that goes is cut out with its lines, so that no other
byte changes. Where tables are written in another way (inline, with dotted keys), ``tomlkit`` does
it, which keeps all but blanks.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import tomlkit

from dagstead.model.source import Edit, SourceText
from dagstead.repository.layouts.comments import with_header
from dagstead.repository.layouts.sheet import newline_of

_HEADING = re.compile(r"^[ \t]*\[", re.MULTILINE)
_DG_HEADING = re.compile(r"[ \t]*\[{1,2}[ \t]*tool[ \t]*\.[ \t]*dg\b[^\r\n]*")


def is_dg_toml(path: str) -> bool:
    """Whether a file is all dg's, so that its tables have no prefix."""
    return path.rpartition("/")[2] == "dg.toml"


def with_project(there: SourceText | None, path: str, values: Mapping[str, str]) -> SourceText:
    """A settings file with the table of a dg project; the rest of it stays."""
    pairs = [f"{key} = {_text(value)}" for key, value in values.items()]
    kind = 'directory_type = "project"'
    if is_dg_toml(path):
        lines = [kind, "", "[project]", *pairs]
    else:
        lines = ["[tool.dg]", kind, "", "[tool.dg.project]", *pairs]
    if there is None or not there.text.strip():
        return SourceText(file=path, text="\n".join(lines) + "\n")
    if _section(there) is None:
        return _behind(there, lines)
    document = tomlkit.parse(there.text)
    section: Any = document if is_dg_toml(path) else document["tool"]["dg"]
    section["directory_type"] = "project"
    section["project"] = dict(values)
    return SourceText(file=path, text=tomlkit.dumps(document), bom=there.bom)


def with_workspace(there: SourceText | None, path: str, projects: Sequence[str]) -> SourceText:
    """A settings file whose workspace lists some more projects."""
    prefix = "" if is_dg_toml(path) else "tool.dg."
    lines: list[str] = []
    for each in projects:
        lines += [f"[[{prefix}workspace.projects]]", f"path = {_text(each)}", ""]
    del lines[-1:]
    kind = 'directory_type = "workspace"'
    head = [kind, ""] if is_dg_toml(path) else ["[tool.dg]", kind, ""]
    if there is None or not there.text.strip():
        return SourceText(file=path, text="\n".join([*head, *lines]) + "\n")
    if _section(there) is None:
        return _behind(there, [*head, *lines])
    made = _behind(there, lines)
    if _loads(made) is not None:
        return made
    document = tomlkit.parse(there.text)
    section: Any = document if is_dg_toml(path) else document["tool"]["dg"]
    for each in projects:
        section["workspace"]["projects"].append({"path": each})
    return SourceText(file=path, text=tomlkit.dumps(document), bom=there.bom)


def without_project(source: SourceText, folder: str) -> SourceText:
    """A settings file whose workspace does not list a project; others stay.

    Args:
        source: the settings of a workspace.
        folder: the path of the project as it is written there.
    """
    document = tomlkit.parse(source.text)
    section: Any = document
    if not is_dg_toml(source.file):
        section = document["tool"]["dg"]
    projects = section["workspace"]["projects"]
    for index in reversed(range(len(projects))):
        if projects[index].get("path") == folder:
            del projects[index]
    return SourceText(file=source.file, text=tomlkit.dumps(document), bom=source.bom)


def without_dg(source: SourceText) -> SourceText | None:
    """A settings file without dg's tables, ``None`` when nothing else is in it."""
    if is_dg_toml(source.file):
        return None
    cut = _cut(source)
    wanted = tomllib.loads(source.text)
    del wanted["tool"]["dg"]
    if not wanted["tool"]:
        del wanted["tool"]
    found = _loads(cut)
    if found is not None and {**found, "tool": {**found.get("tool", {})}} == {
        **wanted,
        "tool": {**wanted.get("tool", {})},
    }:
        return cut if cut.text.strip() else None
    document = tomlkit.parse(source.text)
    del document["tool"]["dg"]
    return SourceText(file=source.file, text=tomlkit.dumps(document), bom=source.bom)


def above_dg(source: SourceText, comments: Sequence[str]) -> SourceText:
    """The text with comments above dg's first table; in ``dg.toml`` at the top."""
    found = next(_DG_HEADING.finditer(source.text), None)
    if found is None or is_dg_toml(source.file):
        return with_header(source, comments)
    newline = newline_of(source.text)
    text = "".join(f"{each}{newline}" for each in comments)
    return source.edited([Edit(start=found.start(), end=found.start(), text=text)])


def _cut(source: SourceText) -> SourceText:
    """The text without the tables whose headings name dg, and the comments right above them."""
    headings = [each.start() for each in _HEADING.finditer(source.text)]
    edits = []
    for start, end in zip(headings, [*headings[1:], len(source.text)], strict=True):
        if _DG_HEADING.match(source.text, start):
            edits.append(
                Edit(
                    start=_with_comments(source.text, start),
                    end=_with_comments(source.text, end) if end < len(source.text) else end,
                    text="",
                )
            )
    cut = source.edited(edits)
    if edits and edits[-1].end == len(source.text):
        stripped = cut.text.rstrip()
        newline = newline_of(source.text)
        cut = SourceText(file=cut.file, text=stripped + newline if stripped else "", bom=cut.bom)
    return cut


def _with_comments(text: str, offset: int) -> int:
    """Where the comment lines begin that stand right above a line."""
    lines = text[:offset].splitlines(keepends=True)
    while lines and lines[-1].lstrip().startswith("#"):
        offset -= len(lines.pop())
    return offset


def _behind(there: SourceText, lines: Sequence[str]) -> SourceText:
    newline = newline_of(there.text)
    text = there.text if there.text.endswith(("\n", "\r")) else there.text + newline
    more = "".join(f"{each}{newline}" for each in ["", *lines])
    return SourceText(file=there.file, text=text + more, bom=there.bom)


def _section(source: SourceText) -> object:
    whole = _loads(source) or {}
    return whole if is_dg_toml(source.file) else whole.get("tool", {}).get("dg")


def _loads(source: SourceText) -> dict[str, Any] | None:
    try:
        return tomllib.loads(source.text)
    except tomllib.TOMLDecodeError:
        return None


def _text(value: str) -> str:
    return tomlkit.item(value).as_string()
