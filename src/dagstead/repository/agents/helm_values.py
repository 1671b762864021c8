"""An agent from the values of the official Helm chart, ``dagster-cloud-agent``."""

from __future__ import annotations

from collections.abc import Iterator

from dagstead.model.agents import Agent
from dagstead.model.nodes import Entry, Node, kind_of, mapping, scalar
from dagstead.repository.agents.scan import AgentScan, Mistake
from dagstead.repository.agents.settings import SettingsReader

_QUEUE_KEYS = frozenset({"includeDefaultQueue", "additionalQueues"})
_MISPLACED = {
    "includeDefaultQueue": Mistake.HELM_FLAG_MISPLACED,
    "additionalQueues": Mistake.HELM_FORM,
}
_OURS = frozenset({"agentQueues", "includeDefaultQueue"})
_TOP = "dagsterCloud"


def charts_in(root: Node | None) -> Iterator[Node]:
    """The mappings of values for the chart, at the top or below the name of a subchart."""
    if root is None:
        return
    if root.get(_TOP) is not None or root.get("dagsterCloudAgent") is not None:
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


def read_values(root: Node, *, name: str, is_ours: bool = False) -> AgentScan:
    """The agent that the chart makes of these values; none when it refuses them.

    ``is_ours`` is for ``charts/dagstead-agent``, which also takes a list of queues, and
    ``includeDefaultQueue`` one level up.
    """
    reader = SettingsReader(consequence="the chart refuses to be installed")
    cloud = root.get(_TOP)
    if cloud is not None and not (cloud.is_mapping or cloud.is_null):
        reader.refuse(cloud, f"{_TOP} is {kind_of(cloud)}, not a mapping", "Write its keys below")
    top = cloud if cloud is not None and cloud.is_mapping else None
    queues = _queues(reader, _as_official(reader, top) if is_ours and top is not None else top)
    deployments, branches = _deployments(reader, top, root)
    label = None if top is None else top.get("agentLabel")
    agent = Agent(
        name=(None if label is None else label.text) or name,
        launcher="Kubernetes",
        queues=queues,
        deployments=deployments,
        branch_deployments=branches,
        position=root.position,
    )
    return reader.scanned(agent)


def _as_official(reader: SettingsReader, cloud: Node) -> Node:
    """The values of our chart in the spelling of the official one."""
    queues, flag = cloud.get("agentQueues"), cloud.entry("includeDefaultQueue")
    entries = [each for each in cloud.entries if each.key.value not in _OURS]
    below = [] if queues is None else [*queues.entries]
    if queues is not None and queues.is_sequence:
        below.append(Entry(scalar("additionalQueues", queues), queues))
    inner = None if queues is None else queues.entry("includeDefaultQueue")
    if flag is not None and inner is not None and flag.value.value != inner.value.value:
        reader.refuse(
            flag.key,
            f"{_TOP}.includeDefaultQueue and {_TOP}.agentQueues.includeDefaultQueue differ",
            "Remove one of them",
        )
    if flag is not None and inner is None:
        below.append(flag)
    key = scalar("agentQueues", cloud)
    return mapping((*entries, Entry(key, mapping(tuple(below), queues or cloud))), cloud)


def _queues(reader: SettingsReader, cloud: Node | None) -> frozenset[str | None]:
    for entry in () if cloud is None else cloud.entries:
        if entry.key.value in _MISPLACED:
            reader.ignored(
                entry.key,
                f"the chart ignores {_TOP}.{entry.key.value}",
                f"Set {_TOP}.agentQueues.{entry.key.value}",
                _MISPLACED[entry.key.value],
            )
    queues = None if cloud is None else cloud.get("agentQueues")
    if queues is None or queues.is_null:
        return frozenset({None})
    if not queues.is_mapping:
        reader.refuse(
            queues,
            f"{_TOP}.agentQueues is {kind_of(queues)}, not a mapping",
            f"Write the names below {_TOP}.agentQueues.additionalQueues, or use the chart "
            "dagstead-agent, which takes a list",
            mistake=Mistake.HELM_FORM,
        )
        return frozenset()
    for entry in queues.entries:
        if entry.key.value not in _QUEUE_KEYS:
            reader.ignored(
                entry.key,
                f"the chart ignores {_TOP}.agentQueues.{entry.key.value}",
                "Write the names below additionalQueues, and true or false as includeDefaultQueue",
                Mistake.HELM_FORM,
            )
    names = queues.get("additionalQueues")
    return reader.queues(
        default=reader.flag(
            queues.get("includeDefaultQueue"),
            "agentQueues.includeDefaultQueue",
            default=True,
            mistake=Mistake.HELM_FORM,
        ),
        named=reader.queue_names(
            None if names is None or names.is_null else names,
            "agentQueues.additionalQueues",
            Mistake.HELM_FORM,
        ),
    )


def _deployments(
    reader: SettingsReader, cloud: Node | None, root: Node
) -> tuple[frozenset[str] | None, bool]:
    branch = None if cloud is None else cloud.get("branchDeployments")
    branches = reader.flag(branch, f"{_TOP}.branchDeployments", default=False)
    one = None if cloud is None else cloud.get("deployment")
    several = None if cloud is None else cloud.get("deployments")
    named = one is not None and bool(one.value)
    if named and several is not None and several.value:
        reader.warn(
            "two-deployment-keys",
            several,
            f"{_TOP} has deployment and deployments, and an agent with both does not start",
            "Remove one of them",
        )
    if one is not None and named:
        name = reader.name(one, f"{_TOP}.deployment")
        return (None if name is None else frozenset({name})), branches
    if several is not None and several.value:
        known = reader.names(several, f"{_TOP}.deployments")
        return (known if len(known) == len(several.items) else None), branches
    if branches:
        return frozenset(), branches
    reader.note(
        "no-deployment",
        root,
        f"{_TOP} names no deployment: the agent asks the control plane for it, and is taken to "
        "serve every full one",
        f"Set {_TOP}.deployment",
    )
    return None, branches
