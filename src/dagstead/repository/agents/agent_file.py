"""An agent from its ``dagster.yaml``, as ``dagster_cloud.instance`` (1.11 to 1.13) reads it."""

from __future__ import annotations

from dagstead.model.agents import Agent, AgentKind, Setting
from dagstead.model.nodes import Node, kind_of
from dagstead.repository.agents.placeholders import as_written, held_in
from dagstead.repository.agents.scan import AgentScan, Mistake
from dagstead.repository.agents.settings import SettingsReader

_LAUNCHERS = {
    "AcaUserCodeLauncher": "Azure Container Apps",
    "DockerUserCodeLauncher": "Docker",
    "EcsUserCodeLauncher": "ECS",
    "K8sUserCodeLauncher": "Kubernetes",
    "ProcessUserCodeLauncher": "local",
}
_POOL_LAUNCHER = "PexUserCodeLauncher"
_QUEUE_KEYS = frozenset({"include_default_queue", "additional_queues"})


def is_agent(root: Node | None) -> bool:
    """Whether a document is an agent's ``dagster.yaml``."""
    if root is None or not root.is_mapping:
        return False
    instance = root.get("instance_class", "class")
    return root.get("dagster_cloud_api") is not None or (
        instance is not None and instance.text == "DagsterCloudAgentInstance"
    )


def read_agent(root: Node, *, name: str) -> AgentScan:
    """The agent, ``name`` unless it has a label."""
    reader = SettingsReader(consequence="the agent does not start")
    api = root.get("dagster_cloud_api")
    queues = _queues(reader, root)
    deployments, branches = _deployments(reader, api)
    label = None if api is None else api.get("agent_label")
    launcher = _text(root.get("user_code_launcher", "class"))
    serverless = None if api is None else api.get("all_serverless_deployments")
    is_pool = launcher == _POOL_LAUNCHER or (serverless is not None and serverless.value is True)
    agent = Agent(
        name=as_written(name if label is None or held_in(label) else label.text or name),
        kind=AgentKind.POOL if is_pool else AgentKind.HYBRID,
        launcher=_LAUNCHERS.get(launcher or "", launcher),
        queues=queues,
        deployments=None if is_pool else deployments,
        branch_deployments=branches,
        allowed_full=reader.by_deployment(
            root.get("allowed_full_deployment_locations"), "allowed_full_deployment_locations"
        ),
        allowed_branch=reader.allowed(
            root.get("allowed_branch_deployment_locations"), "allowed_branch_deployment_locations"
        ),
        position=root.position,
    )
    return reader.scanned(agent)


def _queues(reader: SettingsReader, root: Node) -> frozenset[str | None]:
    _say_misplaced(reader, root)
    queues = root.get("agent_queues")
    if queues is None or queues.is_null:
        return frozenset({None})
    if reader.is_unknown(queues, "agent_queues", Setting.QUEUES, of_queues=True):
        reader.unknown[Setting.DEFAULT_QUEUE] = reader.unknown[Setting.QUEUES]
        return frozenset()
    if not queues.is_mapping:
        reader.refuse(
            queues,
            f"agent_queues is {kind_of(queues)}, not a mapping",
            "Write the names below agent_queues.additional_queues",
            mistake=Mistake.FORM,
        )
        return frozenset()
    for entry in queues.entries:
        if entry.key.value not in _QUEUE_KEYS:
            reader.refuse(
                entry.key,
                f"agent_queues has no key {entry.key.value!r}",
                "Write the names below agent_queues.additional_queues, and true or false as "
                "agent_queues.include_default_queue",
                mistake=Mistake.FORM,
            )
    return reader.queues(
        default=reader.flag(
            queues.get("include_default_queue"),
            "include_default_queue",
            default=True,
            setting=Setting.DEFAULT_QUEUE,
            mistake=Mistake.FORM,
        ),
        named=reader.queue_names(
            queues.get("additional_queues"), "additional_queues", Mistake.FORM
        ),
    )


def _say_misplaced(reader: SettingsReader, root: Node) -> None:
    for entry in root.entries:
        below = entry.value.entry("agent_queues")
        if below is None or entry.key.value == "agent_queues":
            continue
        advice = "Write agent_queues at the top level of the file"
        if entry.key.value == "dagster_cloud_api":
            reader.refuse(
                below.key,
                "agent_queues is not a key of dagster_cloud_api",
                advice,
                mistake=Mistake.MISPLACED,
            )
        else:
            reader.ignored(
                below.key,
                f"agent_queues below {entry.key.value!r} is not read",
                advice,
                Mistake.MISPLACED,
            )


def _deployments(reader: SettingsReader, api: Node | None) -> tuple[frozenset[str] | None, bool]:
    """The full deployments (``None`` is every one), and whether branch deployments are served."""
    if api is None:
        return None, False
    branches = reader.flag(
        api.get("branch_deployments"),
        "dagster_cloud_api.branch_deployments",
        default=False,
        setting=Setting.BRANCH_DEPLOYMENTS,
    )
    one, several = api.get("deployment"), api.get("deployments")
    if _is_given(one) and _is_given(several):
        reader.refuse(api, "dagster_cloud_api has deployment and deployments", "Remove one of them")
    if one is not None and _is_given(one):
        name = reader.name(one, "dagster_cloud_api.deployment")
        return (None if name is None else frozenset({name})), branches
    if several is not None and _is_given(several):
        known = reader.names(several, "dagster_cloud_api.deployments")
        return (known if len(known) == len(several.items) else None), branches
    if branches:
        return frozenset(), branches
    return None, branches


def _is_given(node: Node | None) -> bool:
    return node is not None and not node.is_null and node.value not in ("", ())


def _text(node: Node | None) -> str | None:
    return None if node is None else node.text
