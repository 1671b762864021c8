"""Files that a document shows: its fences, and what the scripts in it write."""

from __future__ import annotations

import posixpath
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from dagstead.model.families import Family
from dagstead.repository.agents.inline import part_of
from dagstead.repository.agents.shell import written_files
from dagstead.repository.files.families import family_of
from dagstead.repository.files.project import ConfigFile
from dagstead.repository.files.yaml_reader import ParseResult, read_yaml

_FENCE = re.compile(
    r"^(?P<indent>[ \t]*)(?P<marks>`{3,}|~{3,})(?P<info>[^\n`]*)\n(?P<body>.*?)"
    r"^[ \t]*(?P=marks)[`~]*[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
_FILE_NAME = re.compile(r"(?<![\w/.-])((?:[\w.-]+/)*[\w.-]+\.(?:ya?ml|tf|json))(?![\w-])")
_FIRST_COMMENT = re.compile(r"\A\s*#\s*(\S+\.(?:ya?ml|tf|json))\s*$", re.MULTILINE)
_LINES_ABOVE = 3
#: Names under which a fence of a language is recognised by what it says.
_AS_FILES = {"json": "agent.json", "hcl": "agent.tf", "tf": "agent.tf", "terraform": "agent.tf"}
_COMPOSE = re.compile(r"^services\s*:", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownFile:
    """A file in a document."""

    #: The last part of the name that the document gives it, ``None`` when it gives none.
    name: str | None
    file: ConfigFile


def shown_files(document: ConfigFile) -> Iterator[ShownFile]:
    """The files that a document shows, as far as they are about agents."""
    text = document.source.text
    for number, found in enumerate(_FENCE.finditer(text)):
        body = textwrap.dedent(found["body"])
        language = re.match(r"\s*\{?\.?([\w+-]*)", found["info"])
        as_file = _AS_FILES.get(str(language[1] if language else "").lower()) or _as_yaml(body)
        family = family_of(as_file, body)
        if family is not None:
            name = _name(text, found, body)
            shown = name or f"{number + 1}{posixpath.splitext(as_file)[1]}"
            path = f"{document.path} ({shown})"
            first = found.start("body")
            yield ShownFile(name=name, file=_file(document, path, family, body, first, as_file))
    yield from written_in(document)


def written_in(script: ConfigFile) -> Iterator[ShownFile]:
    """The files that a script, or the commands of a document, write."""
    for each in written_files(script.source.text):
        body = textwrap.dedent(each.text)
        as_file = _as_yaml(body)
        family = family_of(as_file, body)
        if family is not None:
            name = posixpath.basename(each.path)
            path = f"{script.path} ({name})"
            yield ShownFile(name=name, file=_file(script, path, family, body, each.start, as_file))


def _as_yaml(body: str) -> str:
    """A name under which YAML is recognised by what it says."""
    return "compose.yaml" if _COMPOSE.search(body) else "agent.yaml"


def _file(
    document: ConfigFile, path: str, family: Family, body: str, start: int, kind: str
) -> ConfigFile:
    source = part_of(document.source, start, body)
    parsed = ParseResult(root=None)
    if kind.endswith(".yaml") and family is not Family.INSTALLATION:
        parsed = read_yaml(source)
    return ConfigFile(path=path, family=family, source=source, parsed=parsed)


def _name(text: str, fence: re.Match[str], body: str) -> str | None:
    in_info = _FILE_NAME.search(fence["info"])
    first = _FIRST_COMMENT.search(body)
    if in_info or first:
        found = in_info or first
        return None if found is None else posixpath.basename(str(found[1]))
    above = text[: fence.start()].rstrip().splitlines()[-_LINES_ABOVE:]
    for line in reversed(above):
        if line.lstrip().startswith(("```", "~~~")):
            break
        names = _FILE_NAME.findall(line)
        if names:
            return posixpath.basename(str(names[-1]))
    return None
