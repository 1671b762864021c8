"""The configuration that an official agent is started with, written so that its queues are right.

What decides the queues is one key, ``agent_queues`` at the top level of ``dagster.yaml``
(``dagsterCloud.agentQueues`` in Helm values): every other spelling is ignored without a word, and
the agent serves the default queue (rules DS401 to DS407).
"""

from __future__ import annotations

from dataclasses import dataclass

from dagstead.errors import InvalidInputError
from dagstead.model.agents import (
    BATCH_SIZE,
    BATCH_VARIABLE,
    PAUSE_SECONDS,
    PAUSE_VARIABLE,
    AgentType,
)
from dagstead.model.queues import is_default_by_name
from dagstead.repository.files.yaml_text import CommentedValue, Yaml, dump

#: Where agents take their token from; the file never has it.
TOKEN_VARIABLE = "DAGSTER_CLOUD_AGENT_TOKEN"  # noqa: S105 - a name
#: The name of the Secret that the official chart reads by default.
TOKEN_SECRET = "dagster-cloud-agent-token"  # noqa: S105 - a name

#: After how many seconds an agent replaces a code server that does not answer; no file can say it.
REDEPLOY_VARIABLE = "DAGSTER_CLOUD_CODE_SERVER_HEALTH_CHECK_REDEPLOY_TIMEOUT"
REDEPLOY_SECONDS = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentFile:
    """What is chosen of an agent's configuration."""

    type: AgentType
    #: The control plane's address, as agents and user code reach it.
    url: str
    queues: tuple[str, ...] = ()
    default_queue: bool = True
    #: Full deployments by name.
    deployments: tuple[str, ...] = ("prod",)
    branch_deployments: bool = False
    #: Its name on the pages of the control plane.
    label: str | None = None
    #: Docker: the network that the agent shares with what it starts.
    network: str = "dagstead"

    def __post_init__(self) -> None:
        """Refuse an agent that would get no work, or other work than was meant.

        Raises:
            InvalidInputError: with what to write instead.
        """
        for queue in self.queues:
            if is_default_by_name(queue):
                msg = (
                    f"--queue {queue!r} would be a queue of that name. The default queue has no "
                    "name: write --default-queue to serve it."
                )
                raise InvalidInputError(msg)
        if not self.queues and not self.default_queue:
            msg = "An agent without the default queue needs a queue. Name one with --queue."
            raise InvalidInputError(msg)
        if not self.url.startswith(("http://", "https://")):
            msg = f"The address {self.url!r} does not begin with http:// or https://."
            raise InvalidInputError(msg)

    @property
    def name(self) -> str:
        """The name that the file has to have, where it is read by name."""
        return "values.yaml" if self.type is AgentType.KUBERNETES else "dagster.yaml"


def text(file: AgentFile) -> str:
    """The file's content: ``dagster.yaml``, or values of the agent's Helm chart."""
    if file.type is AgentType.KUBERNETES:
        heading = [
            "Values of the Helm chart dagster-cloud-agent. The token comes from the Secret",
            f"{TOKEN_SECRET}, key {TOKEN_VARIABLE}. Give every release of the chart a token",
            "of its own.",
        ]
        return dump(_values(file), heading=heading)
    heading = [
        "dagster.yaml of an official agent (dagster-cloud agent run FOLDER). The token comes from",
        f"the environment variable {TOKEN_VARIABLE}. Give every agent a token of its own, and set",
        f"{REDEPLOY_VARIABLE}={REDEPLOY_SECONDS} beside it:",
        "a code server that does not answer for so many seconds is replaced, not after 180.",
        f"With {PAUSE_VARIABLE}={PAUSE_SECONDS} it takes work",
        "at once: the server holds its polls open, and the pause between two of them is else 0.5.",
    ]
    return dump(_dagster_yaml(file), heading=heading)


def _dagster_yaml(file: AgentFile) -> dict[str, Yaml]:
    api: dict[str, Yaml] = {
        "url": file.url,
        "agent_token": {"env": TOKEN_VARIABLE},
        "deployments": list(file.deployments),
        "branch_deployments": file.branch_deployments,
    }
    if file.label:
        api["agent_label"] = file.label
    return {
        "instance_class": {
            "module": "dagster_cloud.instance",
            "class": "DagsterCloudAgentInstance",
        },
        "dagster_cloud_api": api,
        "agent_queues": {
            "include_default_queue": _default_queue(file),
            "additional_queues": list(file.queues),
        },
        "isolated_agents": _isolated(),
        "user_code_launcher": _launcher(file),
    }


def _isolated() -> CommentedValue:
    return CommentedValue(
        {"enabled": True},
        above=(
            "Run workers ask for their run every ten seconds: they end when it was terminated",
            "or failed, and it is noticed when they die.",
        ),
    )


def _default_queue(file: AgentFile) -> CommentedValue:
    if file.default_queue:
        return CommentedValue(
            file.default_queue, "locations without a queue come here, serverless ones too"
        )
    return CommentedValue(file.default_queue, "locations without a queue are for other agents")


def _launcher(file: AgentFile) -> dict[str, Yaml]:
    match file.type:
        case AgentType.DOCKER:
            networks = CommentedValue(
                [file.network],
                above=("The agent's own container has to be in it, too.",),
            )
            return {
                "module": "dagster_cloud.workspace.docker",
                "class": "DockerUserCodeLauncher",
                "config": {"networks": networks, "env_vars": _batches()},
            }
        case AgentType.ECS:
            return {
                "module": "dagster_cloud.workspace.ecs",
                "class": "EcsUserCodeLauncher",
                "config": _ecs(),
            }
        case _:
            return {
                "module": "dagster_cloud.workspace.user_code_launcher",
                "class": "ProcessUserCodeLauncher",
            }


def _ecs() -> dict[str, Yaml]:
    """What the launcher needs of an account, from the environment of the agent's task."""
    one = {
        "cluster": "ECS_CLUSTER",
        "execution_role_arn": "ECS_EXECUTION_ROLE_ARN",
        "task_role_arn": "ECS_TASK_ROLE_ARN",
        "log_group": "ECS_LOG_GROUP",
        "service_discovery_namespace_id": "ECS_NAMESPACE_ID",
    }
    several = {"subnets": "ECS_SUBNET", "security_group_ids": "ECS_SECURITY_GROUP_ID"}
    return {
        **{key: {"env": variable} for key, variable in one.items()},
        **{key: [{"env": variable}] for key, variable in several.items()},
        "env_vars": _batches(),
    }


def _batches() -> CommentedValue:
    return CommentedValue(
        [f"{BATCH_VARIABLE}={BATCH_SIZE}"],
        above=("Events of a step's partitions come in batches, which are stored at once.",),
    )


def _values(file: AgentFile) -> dict[str, Yaml]:
    cloud: dict[str, Yaml] = {
        "endpoint": CommentedValue(file.url, above=("The official chart reads this,",)),
        "url": CommentedValue(file.url, above=("and charts/dagstead-agent this.",)),
        "deployments": list(file.deployments),
        "branchDeployments": file.branch_deployments,
        "agentQueues": {
            "includeDefaultQueue": _default_queue(file),
            "additionalQueues": list(file.queues),
        },
    }
    if file.label:
        cloud["agentLabel"] = file.label
    redeploy: dict[str, Yaml] = {"name": REDEPLOY_VARIABLE, "value": str(REDEPLOY_SECONDS)}
    pause: dict[str, Yaml] = {"name": PAUSE_VARIABLE, "value": PAUSE_SECONDS}
    env = CommentedValue(
        [redeploy, pause],
        above=(
            "A code server that does not answer for so many seconds is replaced, not after 180.",
            "The pause between two polls, which the server holds open, is else half a second.",
        ),
    )
    return {
        "dagsterCloud": cloud,
        "isolatedAgents": _isolated(),
        "dagsterCloudAgent": {"env": env},
        "workspace": {"envVars": _batches()},
    }
