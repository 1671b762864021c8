"""Agents that Terraform installs: ``helm_release``, and a ``dagster.yaml`` in any of its texts."""

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
from dagstead.repository.agents.hcl import Block, read_blocks
from dagstead.repository.agents.placeholders import function_of, held_in
from dagstead.repository.files.project import ConfigFile

_RELEASE = "helm_release"
_FILES = frozenset({"file", "templatefile"})
_SETS = ("set", "set_list", "set_sensitive", "set_wo")


def terraform_install(block: Block) -> ChartInstall | None:
    """The installation that a block of ``helm_release`` is."""
    if block.type != "resource" or block.labels[:1] != (_RELEASE,):
        return None
    chart, repository, name = (block.get(each) for each in ("chart", "repository", "name"))
    text = "" if chart is None else chart.text or ""
    where = "" if repository is None else repository.text or ""
    if not (CHART.search(text) or REPOSITORY in where + text):
        return None
    label = block.labels[1] if len(block.labels) > 1 else block.node.source.file
    known = name is not None and name.text and held_in(name) is None
    return ChartInstall(
        at=block.node,
        name=(name.text if known and name is not None else None) or label,
        layers=tuple(_layers(block)),
        is_ours=bool(OUR_CHART.search(text)),
    )


def install_nodes(file: ConfigFile) -> tuple[Node, ...]:
    """The blocks of a file that install the chart."""
    return tuple(each.node for each in read_blocks(file.source) if terraform_install(each))


def _layers(block: Block) -> Iterator[Layer]:
    """As the provider lays them: ``values`` in their order, then what is set."""
    values = block.get("values")
    if values is not None and not values.is_sequence:
        yield _hidden(values)
    for each in () if values is None else values.items:
        yield from _values(each)
    for kind in _SETS:
        yield from _sets(block, kind)
    for inner in block.inner("dynamic"):
        yield Hidden(because="sets what a dynamic block makes", at=inner.node)


def _sets(block: Block, kind: str) -> Iterator[Layer]:
    """What is set one by one, in blocks or in a list."""
    given = block.get(kind)
    if given is not None and not given.is_sequence:
        yield _hidden(given)
    listed = () if given is None else given.items
    for each in (*listed, *(inner.as_node() for inner in block.inner(kind))):
        yield from _set(each.get("name"), each.get("value"), each.get("type"))


def _values(value: Node) -> Iterator[Layer]:
    call = function_of(value)
    if call is not None and call[0] in _FILES and call[1].items:
        path = call[1].items[0]
        if path.text is None:
            yield _hidden(path)
        else:
            yield ValuesFile(path=path.text, at=value)
    elif value.text is not None:
        yield from text_layers(value)
    elif value.is_mapping and call is None:
        yield Inline(node=value)
    else:
        yield _hidden(value)


def _set(name: Node | None, value: Node | None, kind: Node | None) -> Iterator[Layer]:
    if name is None or name.text is None:
        if name is not None:
            yield _hidden(name)
        return
    flag = "--set-string" if kind is not None and kind.text == "string" else "--set"
    if kind is not None and kind.text == "literal":
        flag = "--set-literal"
    yield Flag(text=f"{name.text}={_written(value)}", kind=flag, at=value or name)


def _written(value: Node | None) -> str:
    """A value in the language of ``--set``; what is not known begins with ``$``."""
    if value is None or value.is_null:
        return ""
    if value.is_sequence:
        return "{" + ",".join(_written(each) for each in value.items) + "}"
    if isinstance(value.value, bool):
        return str(value.value).lower()
    if value.text is not None or isinstance(value.value, int | float):
        return str(value.value)
    return "${" + (held_in(value, env=False) or "…") + "}"


def _hidden(node: Node) -> Hidden:
    return Hidden(because=f"takes values from {held_in(node, env=False) or 'elsewhere'}", at=node)
