"""Values of the agent's Helm chart in layers, some of which may not be known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from dagstead.model.agents import Setting
from dagstead.model.nodes import Entry, Node, empty_mapping, mapping
from dagstead.model.source import SourceText
from dagstead.repository.agents.helm_flags import Path, assigned
from dagstead.repository.agents.placeholders import held_in

TOP = "dagsterCloud"
#: Where the chart reads what decides who serves what.
PATHS = {
    Setting.QUEUES: (TOP, "agentQueues", "additionalQueues"),
    Setting.DEFAULT_QUEUE: (TOP, "agentQueues", "includeDefaultQueue"),
    Setting.BRANCH_DEPLOYMENTS: (TOP, "branchDeployments"),
}
_MAPPINGS: tuple[tuple[str, ...], ...] = ((), (TOP,), (TOP, "agentQueues"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Values:
    """Layers laid over each other."""

    #: All that is known.
    tree: Node
    #: What was set after the last layer that is not known; ``None`` when every layer is.
    since: Node | None = None
    #: Why a layer is not known: a sentence without a full stop.
    because: str = ""

    @classmethod
    def of_nothing(cls, source: SourceText) -> Values:
        """The chart's defaults."""
        return cls(tree=empty_mapping(source))

    def over(self, layer: Node) -> Values:
        """With a layer over them, a part of which may be held in variables."""
        values = self
        for path in _MAPPINGS:
            part = layer.get(*path)
            held = None if part is None else held_in(part, env=False)
            if part is not None and held is not None:
                place = part.position
                name = ".".join(path) or "values"
                values = values.hidden(f"{place.file}:{place.line} takes {name} from {held}")
                layer = _pruned(layer, path)
                break
        since = None if values.since is None else overlaid(values.since, layer)
        return replace(values, tree=overlaid(values.tree, layer), since=since)

    def put(self, path: Path, value: Node) -> Values:
        """With one value set, as by ``--set``. What is before ``dagsterCloud`` names a subchart."""
        start = path.index(TOP) if TOP in path else 0
        tree = assigned(self.tree, path[start:], value)
        since = None if self.since is None else assigned(self.since, path[start:], value)
        return replace(self, tree=tree, since=since)

    def hidden(self, because: str) -> Values:
        """With a layer over them of which nothing is known but that there is one."""
        causes = dict.fromkeys(filter(None, [self.because, because]))
        return replace(self, since=empty_mapping(self.tree.source), because=" and ".join(causes))

    def unsure(self) -> frozenset[Setting]:
        """The settings that the unknown layer may have set otherwise."""
        since = self.since
        if since is None:
            return frozenset()
        return frozenset(each for each, path in PATHS.items() if since.get(*path) is None)


def charts_in(root: Node | None) -> Iterator[Node]:
    """The mappings of values for the chart, at the top or below the name of a subchart."""
    if root is None:
        return
    if root.get(TOP) is not None or root.get("dagsterCloudAgent") is not None:
        yield root
        return
    for entry in root.entries:
        yield from charts_in(entry.value)
    for item in root.items:
        yield from charts_in(item)


def overlaid(below: Node, above: Node) -> Node:
    """Values with others laid over them, as Helm does: mappings key by key, all else replaced."""
    if not (below.is_mapping and above.is_mapping):
        return above
    entries = {each.key.value: each for each in below.entries}
    for each in above.entries:
        old = entries.pop(each.key.value, None)
        value = each.value if old is None else overlaid(old.value, each.value)
        entries[each.key.value] = Entry(each.key, value)
    return mapping(tuple(entries.values()), above)


def _pruned(layer: Node, path: tuple[str, ...]) -> Node:
    """A layer without what is at a path."""
    if not path:
        return mapping((), layer)
    first, rest = path[0], path[1:]
    entries = [
        Entry(each.key, _pruned(each.value, rest)) if rest else None
        for each in layer.entries
        if each.key.value == first
    ]
    others = [each for each in layer.entries if each.key.value != first]
    return mapping((*others, *filter(None, entries)), layer)
