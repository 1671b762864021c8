"""The pool's agent, as the official instance, and a server: who starts code gets a token for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from dagster import DagsterInstance, asset, materialize
from dagster._core.instance.ref import InstanceRef
from dagster_cloud.instance import DagsterCloudAgentInstance
from dagster_cloud.workspace.user_code_launcher.utils import get_instance_ref_for_user_code
from dagster_shared.utils.warnings import disable_dagster_warnings

from dagstead.errors import PexError
from dagstead.plane.launch_machine.events import Submission
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.serverless.agent_home import PoolSettings, pool_command
from dagstead.serverless.agents_before import note_agent
from dagstead.serverless.configuration import LauncherConfiguration
from dagstead.serverless.environ import TOKEN_VARIABLE
from dagstead.serverless.home import PoolHome
from dagstead.serverless.processes import Processes
from dagstead.serverless.worker_tokens import WorkerToken, WorkerTokens
from tests.unit.server.conftest import Plane, plane

__all__ = ["plane"]

pytestmark = pytest.mark.contract

RUN = "00000000-0000-4000-8000-000000000001"


@asset
def thing() -> int:
    return 1


@dataclass(frozen=True, kw_only=True)
class Pool:
    """The official agent's instance over the folder of a pool, and what user code gets of it."""

    plane: Plane
    instance: DagsterCloudAgentInstance
    home: PoolHome
    monkeypatch: pytest.MonkeyPatch

    @property
    def tokens(self) -> WorkerTokens:
        return WorkerTokens(instance=self.instance, home=self.home)

    @contextmanager
    def user_code(self, token: WorkerToken) -> Iterator[DagsterInstance]:
        """The instance of user code in a process with this token."""
        reference = self.instance.ref_for_deployment("prod")
        with self.monkeypatch.context() as patch:
            patch.setenv(TOKEN_VARIABLE, token.secret)
            with DagsterInstance.from_ref(get_instance_ref_for_user_code(reference)) as instance:
                yield instance


def _pool(
    plane: Plane, folder: Path, monkeypatch: pytest.MonkeyPatch, kind: TokenKind
) -> Iterator[Pool]:
    _, secret = plane.token(kind, Grant(queues=[None]))
    settings = PoolSettings(
        launcher=LauncherConfiguration(home=folder), url=plane.settings.base_url, token=secret
    )
    command = pool_command(settings, os.environ)
    for name in ("DAGSTER_HOME", TOKEN_VARIABLE):
        monkeypatch.setenv(name, command.environment[name])
    with DagsterInstance.from_ref(InstanceRef.from_dir(str(folder))) as instance:
        assert isinstance(instance, DagsterCloudAgentInstance)
        home = PoolHome(root=folder)
        note_agent(home, instance.instance_uuid)
        yield Pool(plane=plane, instance=instance, home=home, monkeypatch=monkeypatch)


@pytest.fixture
def pool(plane: Plane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    yield from _pool(plane, tmp_path / "pool", monkeypatch, TokenKind.POOL)


def secrets(plane: Plane) -> set[int]:
    return {token.id for token in plane.store.workers.all(ORGANIZATION)}


def test_user_code_runs_with_its_token_and_the_agents_is_nowhere_in_what_it_gets(
    pool: Pool,
) -> None:
    token = pool.tokens.for_server("prod", "weather")
    with disable_dagster_warnings(), pool.user_code(token) as instance:
        assert isinstance(instance, DagsterCloudAgentInstance)
        assert instance.dagster_cloud_agent_token == token.secret
        assert materialize([thing], instance=instance).success
        assert instance.has_asset_key(thing.key)


def test_what_ends_is_reported_and_its_token_ends(pool: Pool) -> None:
    running, ended = (pool.tokens.for_server("prod", "weather") for _ in range(2))
    pool.tokens.report(
        Processes(running=frozenset({running.id}), ended=frozenset({ended.id, 12345}))
    )
    assert secrets(pool.plane) & {running.id, ended.id} == {running.id}


def test_the_worker_of_a_launch_gets_one_until_the_launch_is_over(pool: Pool) -> None:
    pool.plane.store.launches.step("prod", RUN, Submission())
    token = pool.tokens.for_run("prod", "weather", RUN, 1)
    assert token.id in secrets(pool.plane)
    with pytest.raises(PexError, match=f"Launch 2 of run {RUN} is over"):
        pool.tokens.for_run("prod", "weather", RUN, 2)


def test_an_agent_with_a_token_of_another_kind_reads_what_it_needs(
    plane: Plane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pool in _pool(plane, tmp_path / "pool", monkeypatch, TokenKind.AGENT):
        with pytest.raises(PexError, match="is an agent token, and this is for managed pools"):
            pool.tokens.for_server("prod", "weather")
