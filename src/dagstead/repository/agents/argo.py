"""Agents that Argo CD installs: ``Application`` and ``ApplicationSet``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dagstead.model.nodes import Node
from dagstead.repository.agents.chart_installs import (
    CHART,
    OUR_CHART,
    REPOSITORY,
    ChartInstall,
    Flag,
    Hidden,
    Inline,
    Layer,
    ValuesFile,
)
from dagstead.repository.agents.inline import yaml_in
from dagstead.repository.agents.placeholders import held_in, placeholder_in
from dagstead.repository.agents.umbrella import umbrella_layers
from dagstead.repository.files.project import Project

_KINDS = frozenset({"Application", "ApplicationSet"})


def argo_installs(project: Project, root: Node) -> Iterator[ChartInstall]:
    """The installations of a document; several sources are as many."""
    kind = root.get("kind")
    if kind is None or kind.text not in _KINDS:
        return
    spec = root.get("spec")
    template = None if spec is None else spec.get("template")
    patched = None if spec is None else spec.get("templatePatch")
    if kind.text == "ApplicationSet" and template is not None:
        metadata, spec = template.get("metadata"), template.get("spec")
    else:
        metadata = root.get("metadata")
    if spec is None:
        return
    named = None if metadata is None else metadata.get("name")
    name = (named.text if named is not None else None) or root.source.file
    for source in _sources(spec):
        install = _install(project, source, name)
        if install is not None and patched is not None:
            hidden = Hidden(because="lays templatePatch over it", at=patched)
            yield _with(install, hidden)
        elif install is not None:
            yield install


def _sources(spec: Node) -> Iterator[Node]:
    one, several = spec.get("source"), spec.get("sources")
    if several is not None and several.items:
        # With both, the several count.
        yield from several.items
    elif one is not None:
        yield one


def _install(project: Project, source: Node, name: str) -> ChartInstall | None:
    chart, path, url = source.get("chart"), source.get("path"), source.get("repoURL")
    named = "" if chart is None else chart.text or ""
    where = "" if url is None else url.text or ""
    below = None if path is None or chart is not None else path.text
    base = None if below is None else umbrella_layers(project, below.strip("/"))
    if base is None and not (CHART.search(named) or REPOSITORY in where or CHART.search(where)):
        return None
    helm = source.get("helm")
    release = None if helm is None else helm.get("releaseName")
    text = None if release is None else release.text
    return ChartInstall(
        at=chart or path or source,
        name=text if text and not placeholder_in(text) else name,
        layers=(*(base or ()), *(() if helm is None else _layers(helm))),
        is_ours=bool(OUR_CHART.search(named or where)),
        folder=None if below is None else below.strip("/"),
    )


def _layers(helm: Node) -> Iterator[Layer]:
    """As Argo lays them: files, values, parameters; ``valuesObject`` replaces ``values``."""
    files = helm.get("valueFiles")
    for each in () if files is None else files.items:
        yield ValuesFile(path=each.text or "", at=each)
    values, written = helm.get("valuesObject"), helm.get("values")
    if values is not None and not values.is_null:
        yield Inline(node=values)
    elif written is not None:
        yield from text_layers(written)
    parameters = helm.get("parameters")
    for each in () if parameters is None else parameters.items:
        flag = _parameter(each)
        if flag is not None:
            yield flag
    given = helm.get("fileParameters")
    for each in () if given is None else given.items:
        name, path = each.get("name"), each.get("path")
        if name is not None and name.text and path is not None:
            yield Flag(text=f"{name.text}={path.text or ''}", kind="--set-file", at=each)


def text_layers(written: Node) -> Iterator[Layer]:
    """The layer of values that stand in a text."""
    held = held_in(written) if written.text is None else None
    if held is not None:
        yield Hidden(because=f"takes values from {held}", at=written)
        return
    if written.is_mapping:
        yield Inline(node=written)
        return
    roots, problem = yaml_in(written)
    if problem is not None:
        yield Hidden(because=f"has values that cannot be read: {problem.message}", at=written)
        return
    for root in roots:
        held = held_in(root, env=False)
        if held is not None:
            yield Hidden(because=f"takes values from {held}", at=written)
        elif root.is_mapping:
            yield Inline(node=root)


def _parameter(parameter: Node) -> Flag | None:
    name, value, forced = (parameter.get(each) for each in ("name", "value", "forceString"))
    if name is None or not name.text:
        return None
    written = "" if value is None or value.is_null else value.value
    text = str(written).lower() if isinstance(written, bool) else str(written)
    if not text.startswith("{"):
        text = text.replace(",", "\\,")
    kind = "--set-string" if forced is not None and forced.value is True else "--set"
    return Flag(text=f"{name.text}={text}", kind=kind, at=value or name)


def _with(install: ChartInstall, layer: Layer) -> ChartInstall:
    return replace(install, layers=(*install.layers, layer))
