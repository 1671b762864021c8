"""An installation of the agent's chart, whatever tool makes it, and the agent that comes of it."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dagstead.errors import InvalidInputError
from dagstead.model.nodes import Node, NodeKind
from dagstead.model.source import Position, SourceText
from dagstead.repository.agents.helm_flags import assignments
from dagstead.repository.agents.helm_values import read_values
from dagstead.repository.agents.inline import documents_of
from dagstead.repository.agents.placeholders import placeholder_in
from dagstead.repository.agents.scan import AgentScan, Mistake, Slip
from dagstead.repository.agents.values import Values, charts_in
from dagstead.repository.files.project import ConfigFile, Project
from dagstead.routing.remarks import Remark, Weight

#: The chart in what names one: a path, a URL, a name with its repository before it.
CHART = re.compile(r"(?:^|/)(?:dagster-(?:cloud|plus)|dagstead)-agent(?![\w-])")
OUR_CHART = re.compile(r"(?:^|/)dagstead-agent(?![\w-])")
#: Stands for a file in places of what our own command line says.
OWN_FLAG = "--set"
#: Where the official chart is published.
REPOSITORY = "helm-user-cloud"
_VARIABLE_FOLDER = re.compile(r"^(?:\$\{\{[^}]*\}\}|\$\{[^}]*\}|\$\([^)]*\)|\$\w+)/")


@dataclass(frozen=True, kw_only=True, slots=True)
class Inline:
    """Values that are written where the chart is installed."""

    node: Node


@dataclass(frozen=True, kw_only=True, slots=True)
class ValuesFile:
    """A file of values, by its path as it is written."""

    path: str
    at: Node


@dataclass(frozen=True, kw_only=True, slots=True)
class Flag:
    """One ``--set`` or its like."""

    text: str
    kind: str = "--set"
    at: Node


@dataclass(frozen=True, kw_only=True, slots=True)
class Hidden:
    """A layer that is not known: why, as words after the place."""

    because: str
    at: Node


Layer = Inline | ValuesFile | Flag | Hidden


@dataclass(frozen=True, kw_only=True, slots=True)
class ChartInstall:
    """One installation."""

    #: Where it is written.
    at: Node
    #: The release.
    name: str
    #: In the order in which they are laid over each other.
    layers: tuple[Layer, ...]
    #: Whether it is this project's chart, which takes more spellings than the official one.
    is_ours: bool = False
    #: The folder that paths are relative to, where that is not the file's.
    folder: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class InstallFiles:
    """Where the files are that an installation names."""

    project: Project
    #: Files that stand inside the one that is read, by their names.
    written: Mapping[str, ConfigFile] = field(default_factory=dict)
    #: What is laid over the values of every installation, as by ``--set``.
    sets: Sequence[str] = ()


def read_install(
    around: InstallFiles, file: ConfigFile, install: ChartInstall
) -> tuple[AgentScan, set[str]]:
    """The agent of an installation, and the paths of the values files that it takes."""
    values = Values.of_nothing(install.at.source)
    used: set[str] = set()
    flags = [Flag(text=each, at=on_our_command_line(each)) for each in around.sets]
    folder = file.folder if install.folder is None else install.folder
    try:
        for layer in (*install.layers, *flags):
            values = _laid(values, layer, around, folder, used)
    except InvalidInputError as error:
        place = install.at.position
        agent = read_values(_at(values, install.at), name=install.name, is_ours=install.is_ours)
        return _refused(agent, error, place), used
    found = read_values(_at(values, install.at), name=install.name, is_ours=install.is_ours)
    places = [each.at.position for each in install.layers if isinstance(each, Flag)]
    return found.set_by_flags_at(places), used


def on_our_command_line(text: str) -> Node:
    """The place of what is given to our own command, which no file has."""
    return Node(NodeKind.SCALAR, text, SourceText(file=OWN_FLAG, text=text), 0, len(text))


def place_of_flag(install: Node, text: str) -> Node:
    """Where a flag's value is written; the whole command where quotes stand in between."""
    key = text.partition("=")[0]
    start = install.source.text.find(key, install.start, install.end)
    if start < 0:
        return install
    return Node(install.kind, text, install.source, start, start + len(key))


def _laid(
    values: Values, layer: Layer, around: InstallFiles, folder: str, used: set[str]
) -> Values:
    match layer:
        case Inline():
            chart = next(charts_in(layer.node), None)
            return values.over(layer.node if chart is None else chart)
        case Hidden():
            return values.hidden(_with_place(layer.at.position, layer.because))
        case Flag():
            held = placeholder_in(layer.text.partition("=")[0])
            if held is not None:
                return values.hidden(_with_place(layer.at.position, f"sets what is in {held}"))
            for path, value in assignments(layer.text, at=layer.at, kind=layer.kind):
                values = values.put(path, value)
            return values
        case ValuesFile():
            return _of_file(values, layer, around, folder, used)


def _of_file(
    values: Values, layer: ValuesFile, around: InstallFiles, folder: str, used: set[str]
) -> Values:
    path = _VARIABLE_FOLDER.sub("", layer.path)
    here = layer.at.position
    found = around.written.get(posixpath.basename(path)) or _found(around.project, folder, path)
    if found is None:
        if _exists(around.project, folder, path):
            # It says nothing about the agent, or it would have been read.
            return values
        held = placeholder_in(path)
        name = held or f"the values file {layer.path!r}, which is not in the repository"
        return values.hidden(_with_place(here, f"takes values from {name}"))
    used.add(found.path)
    roots, problem = documents_of(found)
    if problem is not None:
        return values.hidden(f"{found.path} cannot be read: {problem.message}")
    for root in roots:
        for chart in list(charts_in(root))[:1]:
            values = values.over(chart)
    return values


def _found(project: Project, folder: str, path: str) -> ConfigFile | None:
    while True:
        # From the script's own folder upwards: which one it is started in is not known.
        found = project.file(posixpath.normpath(posixpath.join(folder, path)))
        if found is not None or not folder:
            return found
        folder = posixpath.dirname(folder)


def _exists(project: Project, folder: str, path: str) -> bool:
    while True:
        if os.path.isfile(f"{project.root}/{posixpath.join(folder, path)}"):  # noqa: PTH113 - as text
            return True
        if not folder:
            return False
        folder = posixpath.dirname(folder)


def _with_place(place: Position, because: str) -> str:
    return f"{place.file}:{place.line} {because}"


def _at(values: Values, install: Node) -> Values:
    """The same values, with the place of the installation."""
    tree = Node(values.tree.kind, values.tree.value, install.source, install.start, install.end)
    return replace(values, tree=tree)


def _refused(found: AgentScan, error: InvalidInputError, place: Position) -> AgentScan:
    message = f"Helm refuses the command: {error.message.rstrip('.')}"
    advice = "Write key=value"
    remark = Remark(
        name="agent-refused",
        weight=Weight.ERROR,
        message=message,
        advice=advice,
        position=place,
        code=str(Mistake.REFUSED),
    )
    slip = Slip(mistake=Mistake.REFUSED, message=message, advice=advice, position=place)
    return AgentScan(
        agents=tuple(replace(each, starts=False) for each in found.agents),
        remarks=(remark,),
        slips=(*found.slips, slip),
    )
