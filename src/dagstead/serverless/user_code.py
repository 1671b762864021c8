"""Which Python runs what: from a deployed location, or from a run's origin, to a runtime."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dagstead.errors import (
    CodeServerError,
    DagsteadError,
    RunWorkerError,
    UnservableLocationError,
)
from dagstead.model.user_code import with_programs
from dagstead.serverless.pex_set import PexSet, parse_pex_tag
from dagstead.serverless.sandbox.programs import Owner, Program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dagster._core.origin import RepositoryPythonOrigin
    from dagster_cloud_cli.core.workspace import CodeLocationDeployData

    from dagstead.serverless.environments import EnvironmentStore
    from dagstead.serverless.sandbox.limits import ProcessLimits


@dataclass(frozen=True, kw_only=True, slots=True)
class Runtime:
    """Where a piece of user code runs."""

    python: Path
    #: The folder that it is started in; ``None`` is the agent's own.
    folder: Path | None
    #: Searched for programs before the machine's own ``PATH``.
    scripts: tuple[Path, ...]
    #: The PEX environment; ``None`` for code that is not from a PEX.
    environment: str | None

    #: The trees of the PEX environment and of what it depends on, and their names.
    trees: tuple[Path, ...] = ()
    packages: tuple[str, ...] = ()

    def owner(self, deployment: str, location: str) -> Owner:
        """Whose code it is when a location runs in it."""
        return Owner.location(deployment, location, is_local=self.environment is None)

    def program(
        self,
        command: Sequence[str],
        variables: Mapping[str, str],
        *,
        deployment: str,
        limits: ProcessLimits,
    ) -> Program:
        """A program in it."""
        return Program(
            command=command,
            environment=variables,
            folder=self.folder,
            read=self.trees,
            packages=self.packages,
            deployment=deployment,
            limits=limits,
        )

    def variables(self, base: Mapping[str, str]) -> dict[str, str]:
        """``base`` with the runtime's programs on its path."""
        return with_programs(base, map(str, self.scripts))


class UserCode:
    """Finds, and where needed makes, the runtime of locations and runs."""

    def __init__(
        self, *, environments: EnvironmentStore, allow_local_code: bool, allow_branches: bool
    ) -> None:
        self._environments = environments
        self._allow_local_code = allow_local_code
        self._allow_branches = allow_branches

    def check(self, deployment: str, location: str, data: CodeLocationDeployData) -> None:
        """Refuse what the pool can never run.

        Raises:
            UnservableLocationError: The location has no PEX; or it is of a branch deployment, and
                there are no walls, or its code is on this machine.
            PexError: Its PEX tag is not one.
        """
        is_branch = data.cloud_context_env.get("DAGSTER_CLOUD_IS_BRANCH_DEPLOYMENT") == "1"
        if is_branch and not self._allow_branches:
            raise _without_walls(deployment, location)
        if data.pex_metadata:
            parse_pex_tag(data.pex_metadata.pex_tag, data.pex_metadata.python_version)
        elif data.image:
            raise _not_servable(deployment, location, f"the Docker image {data.image!r}")
        elif not self._allow_local_code:
            raise _not_servable(deployment, location, "neither a PEX nor a Docker image")
        elif is_branch:
            raise _of_this_machine(deployment, location)

    def for_location(self, data: CodeLocationDeployData) -> Runtime:
        """The runtime of a location that :meth:`check` has let pass; may take minutes.

        Raises:
            PexError: Its environment cannot be made.
        """
        if not data.pex_metadata:
            return _local(data.executable_path)
        return self._from_pex(
            parse_pex_tag(data.pex_metadata.pex_tag, data.pex_metadata.python_version)
        )

    def for_run(self, run_id: str, origin: RepositoryPythonOrigin) -> Runtime:
        """The runtime that a run's definitions were loaded in.

        That is not always the newest one of the location: a run that waited in a queue while the
        location was deployed again still runs the code that it was made from.

        Raises:
            RunWorkerError: The origin leads to no runtime that this pool can have.
            PexError: The environment is gone, and cannot be made again.
        """
        key = self._environments.key_of(origin.executable_path)
        if key is not None:
            pex = self._environments.remembered(key)
            if pex is not None:
                return self._from_pex(pex)
            msg = (
                f"Run {run_id} was made from definitions in the environment {key}, which this "
                "managed pool has never had. Deploy its code location again, and launch the "
                "run again."
            )
            raise RunWorkerError(msg)
        if self._allow_local_code:
            return _local(origin.executable_path)
        msg = (
            f"Run {run_id} is to be executed by {origin.executable_path!r}, and the serverless "
            "pool runs PEX environments only. Give the code location the queue of an agent that "
            "has this code (`agent_queue` in dagster_cloud.yaml), or build a PEX."
        )
        raise RunWorkerError(msg)

    def _from_pex(self, pex: PexSet) -> Runtime:
        environment = self._environments.ensure(pex)
        return Runtime(
            python=environment.python,
            folder=environment.working_directory,
            scripts=environment.scripts,
            environment=environment.key,
            trees=environment.trees,
            packages=environment.packages,
        )


def _of_this_machine(deployment: str, location: str) -> UnservableLocationError:
    msg = (
        f"Code location {location!r} of branch deployment {deployment!r} has no PEX, and is not "
        "loaded: code of this machine (setting pool_local_code) stands behind no walls, and a pull "
        "request may name any program as its executable_path. Build a PEX "
        "(`dagstead deploy`, or `dagster-cloud ci build --build-strategy=python-executable`)."
    )
    return UnservableLocationError(msg)


def _without_walls(deployment: str, location: str) -> UnservableLocationError:
    msg = (
        f"Code location {location!r} of branch deployment {deployment!r} is not loaded: the "
        "managed pool's machine allows no walls around user code, and code of a pull request "
        "could read and change everything on it. Start the pool as root, or install bubblewrap "
        "(`apt-get install bubblewrap`), or use a kernel with Landlock; or give branch deployments "
        "a pool of their own (setting pool_serves). To run it all the same, set "
        "DAGSTEAD_POOL_UNWALLED_BRANCHES=true."
    )
    return UnservableLocationError(msg)


def explain(deployment: str, location: str, error: DagsteadError) -> str:
    """The text of a load error."""
    if isinstance(error, UnservableLocationError):
        return error.message
    if isinstance(error, CodeServerError):
        return (
            f"Code location {location!r} of deployment {deployment!r} is being loaded again by "
            f"the managed pool. {error.message}"
        )
    return (
        f"Code location {location!r} of deployment {deployment!r} cannot be loaded by the "
        f"managed pool. {error.message}"
    )


def _local(executable: str | None) -> Runtime:
    return Runtime(
        python=Path(executable or sys.executable), folder=None, scripts=(), environment=None
    )


def _not_servable(deployment: str, location: str, has: str) -> UnservableLocationError:
    msg = (
        f"Code location {location!r} of deployment {deployment!r} has {has}, and no agent queue. "
        "Without an agent queue it went to the default queue, which the managed pool serves, "
        "and this pool runs PEX files only. Either give it the queue of an agent that can run it "
        "(`agent_queue: <name>` in dagster_cloud.yaml), or build a PEX "
        "(`dagster-cloud ci build --build-strategy=python-executable`), and deploy again; or have "
        "the pool run code in containers (`pool_backend = docker`)."
    )
    return UnservableLocationError(msg)
