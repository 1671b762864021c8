"""What containers start with: their limits, what they may do, and what they may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dagster_docker.container_context import DockerContainerContext

from dagstead.errors import UnservableLocationError
from dagstead.serverless.docker import labels
from dagstead.serverless.docker.storage import storage_of
from dagstead.serverless.sandbox.limits import ProcessLimits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dagstead.serverless.docker_choice import DockerChoice

#: Rights of root that Docker gives, and that no code location needs.
_DROPPED = ("NET_RAW", "MKNOD", "AUDIT_WRITE", "SETFCAP", "SETPCAP")
_LOG = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "2"}}
#: Of a container context: what another kind of agent reads, and what would undo the walls here.
_DOCKER = "docker"
_NANO = 1_000_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerStart:
    """What a container starts with."""

    variables: Mapping[str, str]
    networks: Sequence[str]
    labels: Mapping[str, str]
    #: In the words of Docker's client for Python.
    more: Mapping[str, Any]

    def in_official_form(self, **more: Any) -> DockerContainerContext:
        """The same for the official launchers; ``more`` are further words of Docker's client."""
        return DockerContainerContext(
            env_vars=[f"{name}={value}" for name, value in self.variables.items()],
            networks=self.networks,
            container_kwargs={**self.more, **more},
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """The same for all containers of a pool."""

    choice: DockerChoice
    #: What user code may see of the pool's environment.
    environment: Mapping[str, str]
    #: The most that a container may have.
    limits: ProcessLimits

    def around(
        self,
        deployment: str,
        location: str,
        context: Mapping[str, Any] | None,
        given: Mapping[str, str],
        marks: Mapping[str, str],
    ) -> ContainerStart:
        """What a container of a location starts with.

        Args:
            deployment: whose code it is.
            location: likewise.
            context: the location's container context.
            given: variables that the pool adds.
            marks: labels that the pool adds.

        Raises:
            UnservableLocationError: the context asks for what a container here cannot have.
        """
        if (context or {}).get(_DOCKER):
            raise _refused(deployment, location)
        limits = self.limits.chosen_by(context)
        variables = {**self.environment, **self.variables(context), **given}
        return ContainerStart(
            variables=variables,
            networks=[self.choice.network],
            labels={
                labels.POOL: self.choice.pool,
                labels.DEPLOYMENT: deployment,
                labels.LOCATION: location,
                **marks,
            },
            more={
                "mounts": [storage_of(self.choice, deployment)],
                "cap_drop": list(_DROPPED),
                "security_opt": ["no-new-privileges:true"],
                "log_config": _LOG,
                **_limited(limits),
            },
        )

    def variables(self, context: Mapping[str, Any] | None) -> dict[str, str]:
        """The variables of a container context, as ``NAME=value``, or ``NAME`` to hand on.

        Raises:
            UnservableLocationError: a name that is to be handed on is not one that user code may
                see.
        """
        found = {}
        for entry in (context or {}).get("env_vars", ()):
            name, has_value, value = entry.partition("=")
            if not has_value and name not in self.environment:
                msg = (
                    f"The container context asks for the pool's environment variable {name!r}, "
                    "which user code may not see. Set it as NAME=value in the code location."
                )
                raise UnservableLocationError(msg)
            found[name] = value if has_value else self.environment[name]
        return found


def _limited(limits: ProcessLimits) -> dict[str, Any]:
    kwargs: dict[str, Any] = {}
    if limits.memory:
        # Without swap: a run that needs more is ended, and slows down nobody else.
        kwargs |= {"mem_limit": limits.memory, "memswap_limit": limits.memory}
    if limits.processes:
        kwargs["pids_limit"] = limits.processes
    if limits.cpus:
        kwargs["nano_cpus"] = int(limits.cpus * _NANO)
    return kwargs


def _refused(deployment: str, location: str) -> UnservableLocationError:
    return UnservableLocationError(
        f"Code location {location!r} of deployment {deployment!r} has `container_context: docker`, "
        "which is for an agent of yours. On the managed pool it could undo the walls between "
        "locations. Take it out; for memory, processors and processes use `container_context: "
        "dagstead_pool`, and for variables `container_context: env_vars`."
    )
