"""Shell scripts inside files of other CI systems: quoted in a Jenkinsfile, or values of YAML."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from dagstead.model.nodes import Node
from dagstead.model.source import SourceText
from dagstead.repository.files.yaml_reader import read_yaml

#: What matters in Groovy: comments, texts, and where blocks begin and end.
_GROOVY = re.compile(
    r"(?P<comment>//[^\n]*|/\*.*?\*/)"
    r"|(?P<long>'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\")"
    r"|(?P<short>'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\")"
    r"|(?P<brace>[{}])",
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
#: What comes before the text of a script, and before that of a block's folder.
_SCRIPT = re.compile(r"\b(?:sh|bat|powershell|pwsh)\b\s*\(?\s*$|\bscript\s*:\s*$")
_FOLDER = re.compile(r"\bdir\s*\(\s*$")
#: Keys whose values are run, and those that say where.
_RUN = re.compile(
    r"run|cmds?|commands?|scripts?|(?:before|after)[_-](?:script|install|deploy)|args|inlineScript"
    r"|bash|sh|pwsh|powershell|install|deploy|build",
    re.IGNORECASE,
)
_FOLDERS = ("working_directory", "workingDirectory", "working-directory", "dir")


@dataclass(frozen=True, slots=True)
class InnerScript:
    """A script."""

    text: str
    #: Where it is run, from the checkout; ``None`` is not known.
    folder: str | None


def inner_scripts(source: SourceText) -> Iterator[InnerScript]:
    """The scripts of a file, in their order."""
    if source.file.endswith((".yml", ".yaml")):
        root = read_yaml(source).root
        if root is not None:
            yield from _in_yaml(root, "")
    else:
        yield from _in_groovy(source.text)


def _in_yaml(node: Node, folder: str | None) -> Iterator[InnerScript]:
    given = next((found for key in _FOLDERS if (found := node.get(key)) is not None), None)
    if given is not None and given.text:
        folder = _below(folder, given.text)
    for each in node.items:
        yield from _in_yaml(each, folder)
    for entry in node.entries:
        if isinstance(entry.key.value, str) and _RUN.fullmatch(entry.key.value):
            yield from _scripts(entry.value, folder)
        yield from _in_yaml(entry.value, folder)


def _scripts(node: Node, folder: str | None) -> Iterator[InnerScript]:
    """One script: the lines of a list share a shell, or the folder at least."""
    lines = [each.text for each in (node, *node.items) if each.text]
    if lines:
        yield InnerScript("\n".join(lines), folder)


def _in_groovy(text: str) -> Iterator[InnerScript]:
    folders: list[str | None] = [""]
    named: str | None = None
    for found in _GROOVY.finditer(text):
        before = text[max(0, found.start() - 40) : found.start()]
        if found["brace"] == "{":
            folders.append(folders[-1] if named is None else _below(folders[-1], named))
            named = None
        elif found["brace"] == "}":
            folders[1:] = folders[1:-1]
        elif found["comment"] is None and _FOLDER.search(before):
            named = _unquoted(found)
        elif found["comment"] is None and _SCRIPT.search(before):
            yield InnerScript(_unquoted(found), folders[-1])


def _unquoted(found: re.Match[str]) -> str:
    """The text between quotes; a line that goes on stays one for the shell."""
    width = 3 if found["long"] else 1
    inner = found[0][width:-width]
    return _ESCAPED.sub(lambda each: each[0] if each[1] == "\n" else _meant(each[1]), inner)


def _meant(escaped: str) -> str:
    return {"n": "\n", "t": "\t"}.get(escaped, escaped)


def _below(folder: str | None, path: str) -> str | None:
    if folder is None or "$" in path or "<<" in path or path.startswith("/"):
        return None
    return posixpath.join(folder, path)
