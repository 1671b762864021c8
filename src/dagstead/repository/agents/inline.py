"""What stands inside other files: documents of several tools, and an agent's ``dagster.yaml``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from dagstead.model.families import Family
from dagstead.model.nodes import Node, NodeKind
from dagstead.model.source import SourceText
from dagstead.repository.agents.agent_file import is_agent
from dagstead.repository.agents.helm_flags import of_json
from dagstead.repository.agents.placeholders import CLOSED, OPENED, REFERENCE, function_of, veiled
from dagstead.repository.agents.shell import written_files
from dagstead.repository.files.project import ConfigFile
from dagstead.repository.files.yaml_reader import Problem, read_yaml_documents

#: Of a template language, in YAML.
_DIRECTIVE_LINE = re.compile(r"^[ \t]*(?:\{\{-?[^\n]*?\}\}|\{%[^\n]*?%\})[ \t]*$", re.MULTILINE)
_BRACES = re.compile(r"\{\{.*?\}\}")
_INTERPOLATION = re.compile(r"\$\{([^{}]*)\}")
_CONFIGURATION = ("dagster_cloud_api", "DagsterCloudAgentInstance")


def documents(file: ConfigFile) -> tuple[Node, ...]:
    """The documents of a file, which may be several."""
    return documents_of(file)[0]


def documents_of(file: ConfigFile) -> tuple[tuple[Node, ...], Problem | None]:
    """The documents of a file, and why they end before the file does."""
    if file.undecodable is not None:
        return (), file.undecodable
    if file.family is not Family.INSTALLATION and file.root is not None:
        return (file.root,), None
    roots, problem = read_yaml_documents(_readable(file.source))
    if problem is not None and file.path.endswith((".json", ".template")):
        # YAML takes no tabs between what JSON holds.
        read = _of_json(file.source)
        return (roots, problem) if read is None else ((read,), None)
    return roots, problem


def yaml_in(node: Node) -> tuple[tuple[Node, ...], Problem | None]:
    """The documents of a text that is YAML, in the lines of the file around it."""
    return read_yaml_documents(_readable(_source(node, spoken(node) or "")))


def inline_agents(root: Node) -> Iterator[Node]:
    """The ``dagster.yaml`` texts that stand in a document as values, read."""
    for node, text in texts_in(root):
        if "\n" in text and _is_configuration(text):
            yield from agents_in_text(_source(node, text))


def texts_in(node: Node) -> Iterator[tuple[Node, str]]:
    """The texts of a document; what a function of a template joins is one."""
    text = spoken(node)
    if text is not None:
        yield node, text
        return
    for entry in node.entries:
        yield from texts_in(entry.value)
    for item in node.items:
        yield from texts_in(item)


def agents_in_text(source: SourceText) -> Iterator[Node]:
    """The ``dagster.yaml`` that a text is, or that a script in it writes."""
    written = [each for each in written_files(source.text) if _is_configuration(each.text)]
    if not written:
        roots, _ = read_yaml_documents(_readable(source))
        yield from (each for each in roots if is_agent(each))
    for each in written:
        roots, _ = read_yaml_documents(_readable(part_of(source, each.start, each.text)))
        yield from (root for root in roots if is_agent(root))


def part_of(source: SourceText, start: int, text: str) -> SourceText:
    """A stretch of whole lines of a source, whose lines are those of the source."""
    first = source.position(start, start).line
    return _with_lines(source.file, text, first)


def spoken(node: Node) -> str | None:
    """A text, also one that CloudFormation joins: what is put in later stays ``${NAME}``."""
    if node.text is not None:
        return node.text
    function = function_of(node)
    if function is None:
        return None
    name, argument = function
    match name, argument.items:
        case "Sub", items:
            return spoken(items[0] if items else argument)
        case "Join", (separator, parts):
            texts = [spoken(each) for each in parts.items]
            return (separator.text or "").join("${?}" if each is None else each for each in texts)
        case _:
            return "${" + (argument.text or "") + "}" if name == REFERENCE else None


def _is_configuration(text: str) -> bool:
    return any(each in text for each in _CONFIGURATION)


def _of_json(source: SourceText) -> Node | None:
    at = Node(NodeKind.SCALAR, "", source, 0, 0)
    try:
        return of_json(json.loads(source.text), at)
    except (ValueError, RecursionError):
        return None


def _readable(source: SourceText) -> SourceText:
    """The same with everything at its place, and templates in a form that YAML takes for text."""
    text = source.text
    if "{{" in text or "{%" in text:
        text = _DIRECTIVE_LINE.sub(lambda found: " " * len(found[0]), text)
        text = _BRACES.sub(lambda found: veiled(found[0]), text)
    if "${" in text:
        text = _INTERPOLATION.sub(rf"${OPENED}\1{CLOSED}", text)
    if text == source.text:
        return source
    return SourceText(file=source.file, text=text, line_map=source.line_map)


def _source(node: Node, text: str) -> SourceText:
    """The text of a block as a source whose lines are those of the file around it."""
    first = node.position.line + (1 if node.style in {"|", ">"} else 0)
    return _with_lines(node.source.file, text, first)


def _with_lines(file: str, text: str, first: int) -> SourceText:
    starts, offset = [], 0
    for number, line in enumerate(text.splitlines(keepends=True)):
        starts.append((offset, first + number))
        offset += len(line)
    return SourceText(file=file, text=text, line_map=tuple(starts))
