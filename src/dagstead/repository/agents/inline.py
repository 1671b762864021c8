"""An agent's ``dagster.yaml`` inside another file: a ConfigMap, a compose file, a template."""

from __future__ import annotations

from collections.abc import Iterator

from dagstead.model.nodes import Node
from dagstead.model.source import SourceText
from dagstead.repository.agents.agent_file import is_agent
from dagstead.repository.files.project import ConfigFile
from dagstead.repository.files.yaml_reader import read_yaml, read_yaml_documents


def documents(file: ConfigFile) -> tuple[Node, ...]:
    """The documents of a file, which may be several."""
    if file.root is not None:
        return (file.root,)
    return tuple(read_yaml_documents(file.source))


def inline_agents(root: Node) -> Iterator[Node]:
    """The ``dagster.yaml`` texts that stand in a document as values, read."""
    for node in root.walk():
        text = node.text
        if text and "dagster_cloud_api" in text and "\n" in text:
            inner = read_yaml(_source(node, text)).root
            if inner is not None and is_agent(inner):
                yield inner


def _source(node: Node, text: str) -> SourceText:
    """The text of a block as a source whose lines are those of the file around it."""
    first = node.position.line + (1 if node.style in {"|", ">"} else 0)
    starts, offset = [], 0
    for number, line in enumerate(text.splitlines(keepends=True)):
        starts.append((offset, first + number))
        offset += len(line)
    return SourceText(file=node.source.file, text=text, line_map=tuple(starts))
