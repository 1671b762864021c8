"""An agent from the values of the official Helm chart, ``dagster-cloud-agent``."""

from __future__ import annotations

from dagstead.model.agents import Agent, Setting
from dagstead.model.nodes import Entry, Node, kind_of, mapping, scalar
from dagstead.repository.agents.placeholders import as_written, held_in
from dagstead.repository.agents.scan import AgentScan, Mistake
from dagstead.repository.agents.settings import SettingsReader
from dagstead.repository.agents.values import TOP, Values

_QUEUE_KEYS = frozenset({"includeDefaultQueue", "additionalQueues"})
_MISPLACED = {
    "includeDefaultQueue": Mistake.HELM_FLAG_MISPLACED,
    "additionalQueues": Mistake.HELM_FORM,
}
_OURS = frozenset({"agentQueues", "includeDefaultQueue"})


def read_values(
    values: Values,
    *,
    name: str,
    is_ours: bool = False,
    doubts: frozenset[Setting] = frozenset(),
    because: str = "",
) -> AgentScan:
    """The agent that the chart makes of these values.

    Args:
        values: the layers.
        name: of the agent, unless it has a label.
        is_ours: for ``charts/dagstead-agent``, which also takes a list of queues, and
            ``includeDefaultQueue`` one level up.
        doubts: settings of which it is not known whether the values are the last word.
        because: why: a sentence without a full stop.
    """
    root = values.tree
    reader = SettingsReader(consequence="the chart refuses to be installed")
    cloud = root.get(TOP)
    if cloud is not None and not (cloud.is_mapping or cloud.is_null):
        reader.refuse(cloud, f"{TOP} is {kind_of(cloud)}, not a mapping", "Write its keys below")
    top = cloud if cloud is not None and cloud.is_mapping else None
    if is_ours and top is not None:
        top = _as_official(reader, top)
    unsure = values.unsure() | doubts
    reader.unknown = dict.fromkeys(unsure, values.because or because)
    queues = _queues(reader, top)
    deployments, branches = _deployments(reader, top)
    label = None if top is None else top.get("agentLabel")
    agent = Agent(
        name=as_written(name if label is None or held_in(label) else label.text or name),
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
            f"{TOP}.includeDefaultQueue and {TOP}.agentQueues.includeDefaultQueue differ",
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
                f"the chart ignores {TOP}.{entry.key.value}",
                f"Set {TOP}.agentQueues.{entry.key.value}",
                _MISPLACED[entry.key.value],
            )
    queues = None if cloud is None else cloud.get("agentQueues")
    if queues is None or queues.is_null:
        return reader.queues(default=True, named=frozenset())
    if not queues.is_mapping:
        reader.refuse(
            queues,
            f"{TOP}.agentQueues is {kind_of(queues)}, not a mapping",
            f"Write the names below {TOP}.agentQueues.additionalQueues, or use the chart "
            "dagstead-agent, which takes a list",
            mistake=Mistake.HELM_FORM,
        )
        return frozenset()
    for entry in queues.entries:
        if entry.key.value not in _QUEUE_KEYS:
            reader.ignored(
                entry.key,
                f"the chart ignores {TOP}.agentQueues.{entry.key.value}",
                f"Write the names below {TOP}.agentQueues.additionalQueues, and true or false as "
                f"{TOP}.agentQueues.includeDefaultQueue",
                Mistake.HELM_FORM,
            )
    names = queues.get("additionalQueues")
    flag = queues.get("includeDefaultQueue")
    default = reader.flag(
        flag,
        "agentQueues.includeDefaultQueue",
        default=True,
        setting=Setting.DEFAULT_QUEUE,
        mistake=Mistake.HELM_FORM,
    )
    named = reader.queue_names(
        None if names is None or names.is_null else names,
        "agentQueues.additionalQueues",
        Mistake.HELM_FORM,
    )
    if flag is not None and flag.value is True:
        return frozenset({None, *named})
    return reader.queues(default=default, named=named)


def _deployments(reader: SettingsReader, cloud: Node | None) -> tuple[frozenset[str] | None, bool]:
    branch = None if cloud is None else cloud.get("branchDeployments")
    branches = reader.flag(
        branch,
        f"{TOP}.branchDeployments",
        default=False,
        setting=Setting.BRANCH_DEPLOYMENTS,
    )
    one = None if cloud is None else cloud.get("deployment")
    several = None if cloud is None else cloud.get("deployments")
    named = one is not None and bool(one.value)
    if named and several is not None and several.value:
        reader.refuse(
            several,
            f"{TOP} has deployment and deployments",
            "Remove one of them",
            consequence="an agent with both does not start",
        )
    if one is not None and named:
        name = reader.name(one, f"{TOP}.deployment")
        return (None if name is None else frozenset({name})), branches
    if several is not None and several.value:
        known = reader.names(several, f"{TOP}.deployments")
        return (known if len(known) == len(several.items) else None), branches
    if branches:
        return frozenset(), branches
    return None, branches
