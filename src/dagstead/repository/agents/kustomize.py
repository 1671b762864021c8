"""Agents that Kustomize and Helmfile install."""

from __future__ import annotations

from collections.abc import Iterator

from dagstead.model.nodes import Node
from dagstead.repository.agents.argo import text_layers
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

_TEMPLATES = (".gotmpl", ".tpl")


def kustomize_installs(root: Node) -> Iterator[ChartInstall]:
    """The charts of a ``kustomization.yaml``, or of a generator of its own."""
    charts = root.get("helmCharts")
    kind = root.get("kind")
    listed = () if charts is None else charts.items
    if kind is not None and kind.text == "HelmChartInflationGenerator":
        listed = (root,)
    for chart in listed:
        named = chart.get("name")
        if named is None or not CHART.search(named.text or ""):
            continue
        release = chart.get("releaseName")
        yield ChartInstall(
            at=named,
            name=(release.text if release is not None else None) or named.text or "",
            layers=tuple(_kustomized(chart)),
            is_ours=bool(OUR_CHART.search(named.text or "")),
        )


def _kustomized(chart: Node) -> Iterator[Layer]:
    file, inline, merged = (chart.get(e) for e in ("valuesFile", "valuesInline", "valuesMerge"))
    way = "override" if merged is None else merged.text
    of_file: list[Layer] = []
    written: list[Layer] = []
    if file is not None:
        of_file.append(ValuesFile(path=file.text or "", at=file))
    if inline is not None:
        written.append(Inline(node=inline))
    if way == "replace":
        yield from written
    elif way == "merge":
        yield from (*written, *of_file)
    else:
        yield from (*of_file, *written)
    more = chart.get("additionalValuesFiles")
    for each in () if more is None else more.items:
        yield ValuesFile(path=each.text or "", at=each)


def helmfile_installs(root: Node) -> Iterator[ChartInstall]:
    """The releases of a ``helmfile.yaml``."""
    releases = root.get("releases")
    for release in () if releases is None else releases.items:
        chart = release.get("chart")
        text = "" if chart is None else chart.text or ""
        if chart is None or not (CHART.search(text) or REPOSITORY in text):
            continue
        name = release.get("name")
        yield ChartInstall(
            at=chart,
            name=(name.text if name is not None else None) or text,
            layers=tuple(_released(release)),
            is_ours=bool(OUR_CHART.search(text)),
        )


def _released(release: Node) -> Iterator[Layer]:
    inherited = release.get("inherit")
    if inherited is not None:
        yield Hidden(because="inherits from a template", at=inherited)
    for key in ("values", "secrets"):
        listed = release.get(key)
        for each in () if listed is None else listed.items or (listed,):
            yield from _values(each)
    for key, kind in (("set", "--set"), ("setString", "--set-string")):
        given = release.get(key)
        for each in () if given is None else given.items:
            yield from _set(each, kind)


def _values(value: Node) -> Iterator[Layer]:
    if value.is_mapping:
        yield from text_layers(value)
    elif (value.text or "").endswith(_TEMPLATES):
        yield Hidden(because=f"takes values from the template {value.text}", at=value)
    else:
        yield ValuesFile(path=value.text or "", at=value)


def _set(given: Node, kind: str) -> Iterator[Layer]:
    name, value, several = (given.get(each) for each in ("name", "value", "values"))
    if name is None or not name.text:
        return
    if several is not None:
        listed = ",".join(_text(each) for each in several.items)
        yield Flag(text=f"{name.text}={{{listed}}}", kind=kind, at=several)
    elif value is not None:
        yield Flag(text=f"{name.text}={_text(value)}", kind=kind, at=value)
    else:
        yield Flag(text=f"{name.text}=$?", kind=kind, at=name)


def _text(value: Node) -> str:
    plain = value.value
    return str(plain).lower() if isinstance(plain, bool) else str(plain)
