"""Agents that ``helm install`` and ``helm upgrade`` make, in scripts, workflows and documents."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from dagstead.errors import InvalidInputError
from dagstead.model.nodes import Node, NodeKind, empty_mapping
from dagstead.repository.agents.helm_flags import assigned, assignments
from dagstead.repository.agents.helm_values import charts_in, overlaid, read_values
from dagstead.repository.agents.scan import AgentScan, Slip
from dagstead.repository.files.project import ConfigFile, Project
from dagstead.routing.remarks import Remark, Weight

_HELM = re.compile(r"\bhelm3?\b(?=[^\n]*\b(?:install|upgrade|template)\b)")
_CONTINUED = re.compile(r"(?<!\\)\\\r?\n[ \t]*")
_CHART = re.compile(r"(?:^|/)(?:dagster-(?:cloud|plus)|dagstead)-agent\b")
_OUR_CHART = re.compile(r"(?:^|/)dagstead-agent\b")
_OUR_CHART_NAME = re.compile(r"\bdagstead-agent\b")
_OFFICIAL_CHART_NAME = re.compile(r"\bdagster-(?:cloud|plus)-agent\b")
_SETTING = re.compile(
    r"\b(?P<key>dagsterCloud(?:\.[A-Za-z][\w-]*|\[\d+\])+)(?P<value>=(?:\{[^}\s]*\}|[^\s\"'`,\\]*))?"
)
#: A value that is not known.
_UNKNOWN = "=$"
_VERBS = frozenset({"install", "upgrade", "template"})
_ENDS = frozenset({";", "&&", "||", "|", "&", ">"})
_SETS = ("--set", "--set-string", "--set-json")
_VALUES = ("-f", "--values")
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
        "--install",
        "--reset-values",
        "--reuse-values",
        "--wait",
        "--wait-for-jobs",
        "-i",
    }
)
_VARIABLE_FOLDER = re.compile(r"^(?:\$\{\{[^}]*\}\}|\$\{[^}]*\}|\$\([^)]*\)|\$\w+)/")


@dataclass(frozen=True, kw_only=True, slots=True)
class HelmCommand:
    """One call of Helm for the agent's chart."""

    #: The whole command, for its place.
    at: Node
    release: str
    #: Values files in the order of the flags, as they are written.
    values: tuple[str, ...]
    #: Flags and what follows them, in their order.
    sets: tuple[tuple[str, str], ...]
    #: Whether it is this project's chart, which takes more spellings than the official one.
    is_ours: bool
    #: Whether values of an older installation stay, which no file says.
    reuses_values: bool


def helm_commands(file: ConfigFile) -> Iterator[HelmCommand]:
    """The calls of Helm for the agent's chart in a text."""
    if "helm" not in file.source.text:
        return
    text = _joined(file.source.text)
    offset = 0
    while (found := _HELM.search(text, offset)) is not None:
        offset = _line_end(text, found.start())
        command = _command(file, text, found.start(), offset)
        if command is not None:
            yield command


def read_command(
    project: Project, file: ConfigFile, command: HelmCommand, sets: Sequence[str] = ()
) -> tuple[AgentScan, set[str]]:
    """The agent of a command, and the paths of the values files that it takes.

    ``sets`` are laid over what the command says.
    """
    values = empty_mapping(file.source)
    used: set[str] = set()
    remarks: list[Remark] = []
    for written in command.values:
        layer = _values_file(project, file, written)
        if layer is None:
            remarks.append(_unknown_values(command, written))
            continue
        used.add(layer.path)
        for chart in list(charts_in(layer.root))[:1]:
            values = overlaid(values, chart)
    if command.reuses_values:
        remarks.append(_reused(command))
    try:
        for kind, text in (*command.sets, *(("--set", each) for each in sets)):
            at = _place(command.at, text)
            for path, value in assignments(text, at=at, kind=kind):
                values = assigned(values, path, value)
    except InvalidInputError as error:
        remarks.append(_unreadable(command, error))
        slips = read_values(values, name=command.release, is_ours=command.is_ours).slips
        return AgentScan(remarks=tuple(remarks), slips=slips), used
    found = read_values(_at(values, command.at), name=command.release, is_ours=command.is_ours)
    here = command.at.position
    slips = tuple(replace(each, by_flag=here.contains(each.position)) for each in found.slips)
    return AgentScan(remarks=tuple(remarks)) + replace(found, slips=slips), used


def stray_settings(file: ConfigFile) -> Iterator[Slip]:
    """Settings of the chart in a text that are no part of a command that is read.

    They are in variables of a script, in Terraform, or in a command that another program edits
    values with.
    """
    text = file.source.text
    commands = [each.at.position for each in helm_commands(file)]
    is_ours = bool(_OUR_CHART_NAME.search(text)) and not _OFFICIAL_CHART_NAME.search(text)
    for found in _SETTING.finditer(text):
        at = Node(NodeKind.SCALAR, found[0], file.source, found.start(), found.end("key"))
        is_read = any(each.contains(at.position) for each in commands)
        if is_read or _is_comment(text, found.start()):
            continue
        if found["value"] or not found["key"].endswith(".agentQueues"):
            yield from _slips(found["key"] + (found["value"] or _UNKNOWN), at, is_ours=is_ours)


def _slips(setting: str, at: Node, *, is_ours: bool) -> Iterator[Slip]:
    values = empty_mapping(at.source)
    try:
        for path, value in assignments(setting, at=at):
            values = assigned(values, path, value)
    except InvalidInputError:
        return
    for slip in read_values(values, name=at.source.file, is_ours=is_ours).slips:
        yield replace(slip, by_flag=True)


def _is_comment(text: str, offset: int) -> bool:
    line_start = text.rfind("\n", 0, offset) + 1
    return text[line_start:offset].lstrip().startswith(("#", "//"))


def _joined(text: str) -> str:
    """Continued lines as one, every character at its place."""
    return _CONTINUED.sub(lambda found: " " * len(found[0]), text)


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _command(file: ConfigFile, text: str, start: int, end: int) -> HelmCommand | None:
    """The command between two offsets of a text whose continued lines are one."""
    if _is_comment(text, start):
        return None
    line = text[start:end].rstrip()
    words = _words(line)
    if words is None or _VERBS.isdisjoint(words):
        return None
    at = Node(NodeKind.SCALAR, line, file.source, start, start + len(line))
    return _parsed(words[1:], at)


def _words(line: str) -> list[str] | None:
    """The words of one command, ``None`` when the quotes do not match."""
    try:
        words = shlex.split(re.sub(r"\s#.*", "", line).strip("`"))
    except ValueError:
        return None
    for index, word in enumerate(words):
        if word in _ENDS:
            return words[:index]
        if word.endswith(";"):
            return [*words[:index], word[:-1]]
    return words


def _parsed(words: list[str], at: Node) -> HelmCommand | None:
    positional: list[str] = []
    values: list[str] = []
    sets: list[tuple[str, str]] = []
    waiting = iter(words)
    for word in waiting:
        if not word.startswith("-"):
            positional.append(word)
            continue
        flag, equals, value = word.partition("=")
        if flag in _ALONE:
            continue
        value = value if equals else next(waiting, "")
        if flag in _SETS:
            sets.append((flag, value))
        elif flag in _VALUES:
            values += value.split(",")
    ours = any(_CHART.search(each) for each in positional) or any(
        value.startswith("dagsterCloud") for _, value in sets
    )
    if not ours:
        return None
    verb = next((index for index, each in enumerate(positional) if each in _VERBS), -1)
    named = [each for each in positional[verb + 1 :] if not _CHART.search(each)]
    return HelmCommand(
        at=at,
        release=named[0] if named else "Helm",
        values=tuple(values),
        sets=tuple(sets),
        is_ours=any(_OUR_CHART.search(each) for each in positional),
        reuses_values="--reuse-values" in words,
    )


def _values_file(project: Project, file: ConfigFile, written: str) -> ConfigFile | None:
    path = _VARIABLE_FOLDER.sub("", written)
    base = file.folder
    while True:
        # From the script's own folder upwards: which one it is started in is not known.
        found = project.file(posixpath.normpath(posixpath.join(base, path)))
        if found is not None or not base:
            return found
        base = posixpath.dirname(base)


def _place(command: Node, text: str) -> Node:
    """Where a flag's value is written; the command where quotes stand in between."""
    key = text.partition("=")[0]
    start = command.source.text.find(key, command.start, command.end)
    if start < 0:
        return command
    return Node(NodeKind.SCALAR, text, command.source, start, start + len(key))


def _at(values: Node, command: Node) -> Node:
    """The same values, with the place of the command."""
    return Node(values.kind, values.value, command.source, command.start, command.end)


def _unknown_values(command: HelmCommand, written: str) -> Remark:
    return Remark(
        name="unknown-values",
        weight=Weight.NOTE,
        message=f"what the values file {written!r} sets is not known here; the chart's defaults "
        "are taken",
        advice="Name the files with --agents FILE,FILE, or describe the agent in agents.yaml",
        position=command.at.position,
    )


def _reused(command: HelmCommand) -> Remark:
    return Remark(
        name="unknown-values",
        weight=Weight.NOTE,
        message="--reuse-values keeps what an earlier command has set, which is not known here",
        advice="Describe the agent in agents.yaml, or ask a control plane with --live",
        position=command.at.position,
    )


def _unreadable(command: HelmCommand, error: InvalidInputError) -> Remark:
    return Remark(
        name="agent-refused",
        weight=Weight.ERROR,
        message=f"Helm refuses the command: {error.message.rstrip('.')}",
        position=command.at.position,
    )
