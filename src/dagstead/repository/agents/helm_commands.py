"""Agents that ``helm install`` and ``helm upgrade`` make, in scripts, workflows and documents."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dagstead.errors import InvalidInputError
from dagstead.model.families import Family
from dagstead.model.nodes import Node, NodeKind
from dagstead.repository.agents.chart_installs import (
    CHART,
    OUR_CHART,
    ChartInstall,
    Flag,
    Hidden,
    Layer,
    ValuesFile,
    place_of_flag,
)
from dagstead.repository.agents.helm_flags import assignments
from dagstead.repository.agents.helm_values import read_values
from dagstead.repository.agents.scan import Slip
from dagstead.repository.agents.shell import is_comment, joined_lines, line_end
from dagstead.repository.agents.umbrella import umbrella_layers
from dagstead.repository.agents.values import Values
from dagstead.repository.files.project import ConfigFile, Project

_HELM = re.compile(r"\bhelm3?\b(?=[^\n]*\b(?:install|upgrade|template)\b)")
_OUR_CHART_NAME = re.compile(r"\bdagstead-agent\b")
_OFFICIAL_CHART_NAME = re.compile(r"\bdagster-(?:cloud|plus)-agent\b")
_SETTING = re.compile(
    r"\b(?P<key>dagsterCloud(?:\.[A-Za-z][\w-]*|\[\d+\])+)(?P<value>=(?:\{[^}\s]*\}|[^\s\"'`,\\]*))?"
)
#: A value that is not known.
_UNKNOWN = "=$"
_VERBS = frozenset({"install", "upgrade", "template"})
_ENDS = frozenset({";", "&&", "||", "|", "&", ">", "<<"})
#: In the order in which Helm lays them over each other, whatever their order is.
_SETS = ("--set-json", "--set", "--set-string", "--set-file", "--set-literal")
_VALUES = ("-f", "--values")
_NAMES = ("--name-template", "--name")
#: Flags of Helm that take no value.
_ALONE = frozenset(
    {
        "--atomic",
        "--cleanup-on-fail",
        "--create-namespace",
        "--debug",
        "--dependency-update",
        "--devel",
        "--dry-run",
        "--force",
        "--generate-name",
        "--install",
        "--reset-values",
        "--reuse-values",
        "--reset-then-reuse-values",
        "--skip-crds",
        "--verify",
        "--wait",
        "--wait-for-jobs",
        "-g",
        "-i",
    }
)
_REUSED = frozenset({"--reuse-values", "--reset-then-reuse-values"})


def helm_commands(file: ConfigFile, project: Project | None = None) -> Iterator[ChartInstall]:
    """The calls of Helm in a text for the agent's chart, or one of the project that brings it."""
    if "helm" not in file.source.text:
        return
    text = joined_lines(file.source.text)
    offset = 0
    while (found := _HELM.search(text, offset)) is not None:
        offset = line_end(text, found.start())
        command = _command(file, text, found.start(), offset, project)
        if command is not None:
            yield command


def stray_settings(file: ConfigFile, read: Sequence[Node] = ()) -> Iterator[Slip]:
    """Settings of the chart in a text that are no part of an installation that is read.

    They are in variables of a script, in Terraform, or in a command that another program edits
    values with. ``read`` are the installations besides commands.
    """
    text = file.source.text
    places = [each.at.position for each in helm_commands(file)]
    places += [each.position for each in read]
    is_ours = bool(_OUR_CHART_NAME.search(text)) and not _OFFICIAL_CHART_NAME.search(text)
    for found in _SETTING.finditer(text):
        at = Node(NodeKind.SCALAR, found[0], file.source, found.start(), found.end("key"))
        is_read = any(each.contains(at.position) for each in places)
        if is_read or is_comment(text, found.start()):
            continue
        if found["value"] or not found["key"].endswith(".agentQueues"):
            yield from _slips(found["key"] + (found["value"] or _UNKNOWN), at, is_ours=is_ours)


def _slips(setting: str, at: Node, *, is_ours: bool) -> Iterator[Slip]:
    values = Values.of_nothing(at.source)
    try:
        for path, value in assignments(setting, at=at):
            values = values.put(path, value)
    except InvalidInputError:
        return
    for slip in read_values(values, name=at.source.file, is_ours=is_ours).slips:
        yield slip.by_flag()


def _command(
    file: ConfigFile, text: str, start: int, end: int, project: Project | None
) -> ChartInstall | None:
    """The command between two offsets of a text whose continued lines are one."""
    if is_comment(text, start):
        return None
    line = text[start:end].rstrip()
    at = Node(NodeKind.SCALAR, line, file.source, start, start + len(line))
    words = _words(line)
    if words is None:
        # In a document the line may as well be a sentence.
        return None if file.family is Family.DOCUMENT else _unreadable(line, at)
    return None if _VERBS.isdisjoint(words) else _parsed(words[1:], at, project)


def _unreadable(line: str, at: Node) -> ChartInstall | None:
    """A command whose quotes do not match, as in text that another program puts together."""
    chart = next((each for each in line.split() if CHART.search(each.strip("'\""))), None)
    if chart is None:
        return None
    layer = Hidden(because="installs an agent with quotes that do not match", at=at)
    return ChartInstall(at=at, name=at.source.file, layers=(layer,))


def _words(line: str) -> list[str] | None:
    """The words of one command, ``None`` when the quotes do not match."""
    try:
        words = shlex.split(re.sub(r"\s#.*", "", line).strip("`"))
    except ValueError:
        return None
    for index, word in enumerate(words):
        if word in _ENDS or word.startswith("<<"):
            return words[:index]
        if word.endswith(";"):
            return [*words[:index], word[:-1]]
    return words


@dataclass(kw_only=True, slots=True)
class _Words:
    """What the words of a command say."""

    at: Node
    positional: list[str] = field(default_factory=list)
    files: list[Layer] = field(default_factory=list)
    sets: list[Flag] = field(default_factory=list)
    hidden: list[Layer] = field(default_factory=list)
    name: str = ""

    @property
    def layers(self) -> tuple[Layer, ...]:
        return (*self.hidden, *self.files, *sorted(self.sets, key=_rank))

    def take(self, flag: str, value: str) -> None:
        """Take a flag that has a value."""
        if flag in _SETS:
            self.sets.append(Flag(text=value, kind=flag, at=place_of_flag(self.at, value)))
        elif flag in _VALUES:
            self.files += [ValuesFile(path=each, at=self.at) for each in value.split(",")]
        elif flag in _NAMES:
            self.name = value

    def hide(self, because: str) -> None:
        """Take what may set anything."""
        self.hidden.append(Hidden(because=because, at=self.at))


def _parsed(words: list[str], at: Node, project: Project | None) -> ChartInstall | None:
    read = _Words(at=at)
    waiting = iter(words)
    for word in waiting:
        if word in _ALONE:
            if word in _REUSED:
                read.hide(f"keeps what an earlier command has set ({word})")
        elif word.startswith("-") and word != "-":
            flag, equals, value = word.partition("=")
            read.take(flag, value if equals else next(waiting, ""))
        elif word.startswith("$") and any(CHART.search(each) for each in read.positional):
            read.hide(f"takes flags from {word}")
        else:
            read.positional.append(word)
    return _installation(read, project)


def _installation(words: _Words, project: Project | None) -> ChartInstall | None:
    verb = next((index for index, each in enumerate(words.positional) if each in _VERBS), None)
    if verb is None:
        return None
    given = words.positional[verb + 1 :]
    is_agent = any(CHART.search(each) for each in given) or any(
        each.text.startswith("dagsterCloud") for each in words.sets
    )
    own = None if is_agent or project is None or not given else _own_chart(project, given[-1])
    if not is_agent and own is None:
        return None
    return ChartInstall(
        at=words.at,
        name=words.name or (given[0] if len(given) > 1 else words.at.source.file),
        layers=(*(own or ()), *words.layers),
        is_ours=any(OUR_CHART.search(each) for each in given),
    )


def _own_chart(project: Project, path: str) -> tuple[Layer, ...] | None:
    """The values of a chart of the repository that has the agent's as a dependency."""
    return umbrella_layers(project, path.removeprefix("./").rstrip("/"))


def _rank(flag: Flag) -> int:
    return _SETS.index(flag.kind)
