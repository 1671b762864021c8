"""Agents that Flux installs: ``HelmRelease``."""

from __future__ import annotations

from collections.abc import Iterator

from dagstead.model.families import Family
from dagstead.model.nodes import Node
from dagstead.repository.agents.argo import text_layers
from dagstead.repository.agents.chart_installs import (
    CHART,
    OUR_CHART,
    ChartInstall,
    Flag,
    Hidden,
    Inline,
    Layer,
)
from dagstead.repository.agents.inline import documents
from dagstead.repository.files.project import Project

_FAMILIES = (Family.INSTALLATION, Family.HELM, Family.AGENT)


def flux_installs(project: Project, root: Node) -> Iterator[ChartInstall]:
    """The installation of a document."""
    kind, spec = root.get("kind"), root.get("spec")
    if kind is None or kind.text != "HelmRelease" or spec is None:
        return
    chart = spec.get("chart", "spec", "chart") or spec.get("chart", "name") or spec.get("chart")
    reference = spec.get("chartRef", "name")
    named = next((each for each in (chart, reference) if each is not None and each.text), None)
    if named is None:
        return
    text = named.text or ""
    if not CHART.search(text):
        text = _referred(project, text) if named is reference else ""
    if not CHART.search(text):
        return
    release, own = spec.get("releaseName"), root.get("metadata", "name")
    name = next((each.text for each in (release, own) if each is not None and each.text), None)
    yield ChartInstall(
        at=named,
        name=name or root.source.file,
        layers=tuple(_layers(project, spec)),
        is_ours=bool(OUR_CHART.search(text)),
    )


def _layers(project: Project, spec: Node) -> Iterator[Layer]:
    """``valuesFrom`` in their order, and ``values`` over them."""
    sources = spec.get("valuesFrom")
    for each in () if sources is None else sources.items:
        yield from _from(project, each)
    values = spec.get("values")
    if values is not None:
        yield Inline(node=values)


def _from(project: Project, source: Node) -> Iterator[Layer]:
    kind, name, target = (source.get(each) for each in ("kind", "name", "targetPath"))
    key = source.get("valuesKey")
    wanted = (key.text if key is not None else None) or "values.yaml"
    shown = " ".join(each.text or "" for each in (kind, name) if each is not None)
    if target is not None and target.text:
        yield Flag(text=f"{target.text}=${{{shown}}}", at=target)
        return
    config = None
    if kind is not None and kind.text == "ConfigMap" and name is not None:
        config = _config_map(project, name.text)
    written = None if config is None else config.get(wanted)
    if written is None:
        yield Hidden(because=f"takes values from the {shown}, which is not known here", at=source)
    else:
        yield from text_layers(written)


def _config_map(project: Project, name: str | None) -> Node | None:
    found = _named(project, frozenset({"ConfigMap"}), name)
    return None if found is None else found.get("data")


def _referred(project: Project, name: str) -> str:
    """The chart or address that a source of charts names."""
    found = _named(project, frozenset({"OCIRepository", "HelmChart"}), name)
    spec = None if found is None else found.get("spec")
    named = None if spec is None else spec.get("chart") or spec.get("url")
    return "" if named is None else named.text or ""


def _named(project: Project, kinds: frozenset[str], name: str | None) -> Node | None:
    for file in project.files_of(*_FAMILIES):
        for root in documents(file):
            kind, own = root.get("kind"), root.get("metadata", "name")
            is_kind = kind is not None and kind.text in kinds
            if is_kind and own is not None and own.text == name:
                return root
    return None
