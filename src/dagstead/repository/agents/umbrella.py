"""Charts of a repository that have the agent's chart as a dependency."""

from __future__ import annotations

import posixpath

from dagstead.model.nodes import Node
from dagstead.repository.agents.chart_installs import (
    CHART,
    OUR_CHART,
    ChartInstall,
    Layer,
    ValuesFile,
)
from dagstead.repository.agents.inline import documents
from dagstead.repository.files.project import ConfigFile, Project

_NAME = "Chart.yaml"


def umbrella_layers(project: Project, folder: str) -> tuple[Layer, ...] | None:
    """The values of a chart that brings the agent; ``None`` when there is none in the folder."""
    file = project.file(posixpath.normpath(posixpath.join(folder, _NAME)))
    found = None if file is None else dependency(file)
    if file is None or found is None:
        return None
    return _own_values(project, file, found)


def umbrella_install(project: Project, file: ConfigFile) -> ChartInstall | None:
    """What is installed when such a chart is, with its own values alone."""
    found = dependency(file)
    if found is None:
        return None
    name = next((each.get("name") for each in documents(file)), None)
    return ChartInstall(
        at=found,
        name=(name.text if name is not None else None) or file.path,
        layers=_own_values(project, file, found),
        is_ours=bool(OUR_CHART.search(found.text or "")),
    )


def dependency(file: ConfigFile) -> Node | None:
    """Where a ``Chart.yaml`` names the agent's chart as a dependency."""
    if posixpath.basename(file.path) != _NAME:
        return None
    for root in documents(file):
        listed = root.get("dependencies")
        for each in () if listed is None else listed.items:
            name = each.get("name")
            if name is not None and CHART.search(name.text or ""):
                return name
    return None


def _own_values(project: Project, file: ConfigFile, at: Node) -> tuple[Layer, ...]:
    path = posixpath.join(file.folder, "values.yaml")
    # Without such a file there are only the defaults of the agent's chart.
    return (ValuesFile(path=path, at=at),) if project.file(path) is not None else ()
