"""A code server that is killed for memory says so, and how to give it more."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from dagster_cloud.workspace.user_code_launcher.user_code_launcher import (
    DagsterCloudGrpcServer,
    UserCodeLauncherEntry,
)
from dagster_cloud_cli.core.workspace import CodeLocationDeployData, PexMetadata
from dagster_shared.error import SerializableErrorInfo

from dagstead.serverless.home import PoolHome
from dagstead.serverless.launcher import PexUserCodeLauncher
from dagstead.serverless.sandbox.trial import WallsChoice, found_walls
from dagstead.testing.waiting import eventually
from tests.support.pex import PexBench, pex_tag
from tests.support.pex_shop import PexShop
from tests.support.pool_launcher import launcher_in

KEY = ("prod", "hungry")
LIMIT = 300
NEXT_STEP = (
    "Raise `memory_mb` in `container_context: dagstead_pool`, or the pool's setting "
    "`pool_memory_mb`."
)
HUNGRY = """
import time
print("eating", flush=True)
eaten = []
for _ in range(2048):
    eaten.append(bytearray(1 << 20))
    time.sleep(0.01)
"""
MODEST = "from dagster import Definitions\ndefinitions = Definitions()\n"


@pytest.fixture(params=[True, False], ids=["the kernel looks", "the pool looks"])
def launcher(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    shop: PexShop,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[PexUserCodeLauncher]:
    home = PoolHome(root=tmp_path / "pool")
    home.create()
    walls = replace(found_walls(home, WallsChoice()), cgroups=request.param)
    with launcher_in(home.root, shop.url, monkeypatch, walls=walls, memory_mb=LIMIT) as launcher:
        yield launcher


def deploy(launcher: PexUserCodeLauncher, bench: PexBench, code: str) -> None:
    tag = pex_tag(bench.dependencies(), bench.source({"project.py": code}))
    data = CodeLocationDeployData(module_name="project", pex_metadata=PexMetadata(pex_tag=tag))
    launcher.update_grpc_metadata(
        {KEY: UserCodeLauncherEntry(data, 1.0)},
        control_plane_error_locations=set(),
        control_plane_outdated_locations=set(),
    )
    launcher.reconcile()


def error_of(launcher: PexUserCodeLauncher) -> str:
    found = launcher._grpc_servers[KEY]
    assert isinstance(found, SerializableErrorInfo), found
    assert found.stack == []
    return found.message


def test_while_it_loads(launcher: PexUserCodeLauncher, bench: PexBench) -> None:
    deploy(launcher, bench, HUNGRY)

    said = error_of(launcher)
    assert "before it answered" in said
    assert f"its limit is {LIMIT} MiB" in said or f"than its limit, {LIMIT} MiB" in said
    assert NEXT_STEP in said
    assert said.rstrip().endswith("eating")


def test_when_it_serves(launcher: PexUserCodeLauncher, bench: PexBench) -> None:
    deploy(launcher, bench, MODEST)
    served = launcher._grpc_servers[KEY]
    assert isinstance(served, DagsterCloudGrpcServer)
    server = launcher._table.get(served.server_handle)
    assert server is not None
    assert server.mark is not None

    os.killpg(server.mark.pid, signal.SIGKILL)
    eventually(lambda: server.has_ended, 20, "its end")
    launcher._refresh_actual_entries({}, set(), set(), set())

    said = error_of(launcher)
    assert "Code location 'hungry' of deployment 'prod' is being loaded again" in said
    assert f"than its limit, {LIMIT} MiB" in said
    assert NEXT_STEP in said
    launcher.reconcile()
    assert isinstance(launcher._grpc_servers[KEY], DagsterCloudGrpcServer)
