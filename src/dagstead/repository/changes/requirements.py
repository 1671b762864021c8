"""Paths in requirements: the lines of pip's files, and the texts of PEP 508 elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dagstead.repository.changes.parts import EVERYTHING, Edge, Hop, Subtree, joined

#: Files that pip would take with ``-r`` or ``-c``, by their names.
REQUIREMENTS_FILE = re.compile(r".*(?:requirement|constraint|dependenc).*\.(?:txt|in|lock)|.*\.in")

_OPTION = re.compile(
    r"""^\s*(?:-\s+)?["']?(?P<option>-e|--editable|-r|--requirement|-c|--constraint|-f|--find-links)
    (?:\s+|=|(?<=^-[ercf])|(?<=\s-[ercf])|(?<="-[ercf]))(?P<path>[^\s;"']+)""",
    re.VERBOSE,
)
_PLAIN = re.compile(r"""^\s*(?:-\s+)?["']?(?P<path>\.{0,2}/[^\s;"'\[]*|\.{1,2}$|[^\s:;"']+\.whl)""")
#: ``name @ file:../shared``, ``name[extra] @ ../shared``, hatch's ``name @ {root:uri}/../shared``
_DIRECT = re.compile(
    r"""@\s*(?P<path>file:[^\s;"']+|\.{1,2}/[^\s;"']*|\{root[^\s;"']*)|(?P<file>\bfile:\.[^\s;"']*)"""
)
_ROOT = re.compile(r"\{root(?P<up>(?::parent)*)(?::uri|:real)*\}")
_VARIABLE = re.compile(r"[$%]\{?\w|\{")


@dataclass(frozen=True, kw_only=True, slots=True)
class UnreadablePath:
    """A path that holds something only the running tool can fill in."""

    text: str


def requirement_edges(file: str, text: str) -> Iterator[Edge]:
    """What a file in pip's form names by path. Paths begin at the file."""
    folder = file.rpartition("/")[0] or EVERYTHING
    continued = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("#"):
            continue
        whole = continued + re.sub(r"\s#.*", "", line)
        if whole.endswith("\\"):
            continued = whole[:-1] + " "
            continue
        continued = ""
        what = _of_line(whole)
        if what is not None:
            yield from edges_to(what, folder, Hop(file=file, line=number, what=whole.strip()))


def path_in_requirement(requirement: str) -> str | None:
    """The path of a requirement as PEP 508 and its cousins write it, ``None`` without one."""
    found = _DIRECT.search(requirement)
    return None if found is None else (found["path"] or found["file"])


def edges_to(path: str, folder: str, hop: Hop) -> Iterator[Edge]:
    """An edge to a path that is written in a folder; none when it leaves the repository."""
    resolved = resolve(path, folder)
    if isinstance(resolved, UnreadablePath):
        what = f"{hop.what} (what {resolved.text!r} means is known to the running tool only)"
        yield Edge(to=Subtree(path=EVERYTHING), hop=Hop(file=hop.file, line=hop.line, what=what))
    elif resolved is not None:
        yield Edge(to=Subtree(path=resolved), hop=hop)


def resolve(path: str, folder: str) -> str | UnreadablePath | None:
    """A path or ``file:`` address, written in a folder. ``None`` for one elsewhere on the disk."""
    text = re.sub(r"^file:(?://(?:localhost(?=/))?)?", "", path)
    text = text.replace("${PROJECT_ROOT}", ".").removeprefix("/./")
    root = _ROOT.match(text)
    if root:
        text = root["up"].count("parent") * "../" + "./" + text[root.end() :].lstrip("/")
    text = re.split(r"[#\[]", text, maxsplit=1)[0]
    if _VARIABLE.search(text):
        return UnreadablePath(text=path)
    return None if "://" in text or not text else joined(folder, text)


def _of_line(line: str) -> str | None:
    option = _OPTION.match(line)
    if option:
        path = option["path"]
        # An editable may be a requirement, or an address of a repository elsewhere.
        return None if re.match(r"(?!file:)[\w+.-]+:", path) else path
    plain = _PLAIN.match(line)
    return plain["path"] if plain else path_in_requirement(line)
