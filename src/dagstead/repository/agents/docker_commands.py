"""Agents that ``docker run`` starts, in scripts, workflows and documents."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence

from dagstead.model.agents import Agent, Setting
from dagstead.model.nodes import Node, NodeKind
from dagstead.repository.agents.agent_file import is_agent, read_agent
from dagstead.repository.agents.chart_installs import InstallFiles
from dagstead.repository.agents.scan import AgentScan
from dagstead.repository.agents.shell import is_comment, joined_lines, line_end
from dagstead.repository.files.project import ConfigFile

_RUN = re.compile(r"\b(?:docker|podman)\b(?=[^\n]*\brun\b)")
_IMAGE = re.compile(r"(?:^|/)dagster-(?:cloud|plus)-agent(?:$|[:@])")
_MOUNTS = frozenset({"-v", "--volume", "--mount"})
_VARIABLE_FOLDER = re.compile(r"^(?:\$\{[^}]*\}|\$\([^)]*\)|\$\w+|~|\.)/")
_CONFIGURATION = "dagster.yaml"


def docker_agents(around: InstallFiles, file: ConfigFile) -> tuple[AgentScan, set[str]]:
    """The agents of a text, and the paths of the ``dagster.yaml`` files given to them."""
    found, used = AgentScan(), set[str]()
    for at, words in _commands(file):
        agent, path = _read(around, file, at, words)
        found += agent
        used |= {path} if path else set()
    return found, used


def _commands(file: ConfigFile) -> Iterator[tuple[Node, list[str]]]:
    text = joined_lines(file.source.text)
    offset = 0
    while (found := _RUN.search(text, offset)) is not None:
        offset = line_end(text, found.start())
        line = text[found.start() : offset].rstrip()
        try:
            words = shlex.split(line.strip("`"))
        except ValueError:
            words = line.split()
        if not is_comment(text, found.start()) and any(_IMAGE.search(each) for each in words):
            start = found.start()
            yield Node(NodeKind.SCALAR, line, file.source, start, start + len(line)), words


def _read(
    around: InstallFiles, file: ConfigFile, at: Node, words: Sequence[str]
) -> tuple[AgentScan, str | None]:
    name = _option(words, {"--name"}) or file.path
    for written in _mounted(words):
        path = _VARIABLE_FOLDER.sub("", written)
        for each in (path, posixpath.join(path, _CONFIGURATION)):
            own = around.written.get(posixpath.basename(each))
            below = posixpath.normpath(posixpath.join(file.folder, each))
            found = own or around.project.file(below)
            if found is not None and found.root is not None and is_agent(found.root):
                return read_agent(found.root, name=name), found.path
    place = at.position
    agent = Agent(
        name=name,
        launcher="Docker",
        queues=frozenset(),
        position=place,
        unknown=frozenset(Setting),
        unknown_because=f"the dagster.yaml of {name!r} ({place.file}:{place.line}) is not in the "
        "repository",
    )
    return AgentScan(agents=(agent,)), None


def _option(words: Sequence[str], names: set[str]) -> str | None:
    for index, word in enumerate(words):
        flag, equals, value = word.partition("=")
        if flag in names:
            return value if equals else next(iter(words[index + 1 :]), None)
    return None


def _mounted(words: Sequence[str]) -> Iterator[str]:
    for index, word in enumerate(words):
        flag, equals, value = word.partition("=")
        if flag not in _MOUNTS:
            continue
        given = value if equals and flag != "--mount" else next(iter(words[index + 1 :]), "")
        if flag == "--mount":
            given = value or given
            parts = dict(each.partition("=")[::2] for each in given.split(","))
            given = parts.get("source") or parts.get("src") or ""
        yield given.partition(":")[0]
