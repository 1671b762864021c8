"""The launcher inside a real official instance, with real code servers.

What is deployed is handed to it directly; the official agent around it is in the compat tests.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from dagster import DagsterRun
from dagster._core.launcher.base import WorkerStatus
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._grpc.types import ListRepositoriesResponse
from dagster._serdes import deserialize_value
from dagster_cloud.workspace.user_code_launcher.user_code_launcher import (
    DagsterCloudGrpcServer,
    UserCodeLauncherEntry,
)
from dagster_cloud_cli.core.workspace import CodeLocationDeployData, PexMetadata
from dagster_shared.error import SerializableErrorInfo

from dagstead.errors import ConfigurationError
from dagstead.serverless.home import write_json
from dagstead.serverless.launcher import PexUserCodeLauncher
from dagstead.serverless.processes import ProcessMark
from dagstead.testing.waiting import eventually
from tests.support.pex import PexBench, pex_tag
from tests.support.pex_shop import PexShop
from tests.support.pool_launcher import launcher_in
from tests.support.processes import is_over, leader_with_a_child

PROD = "prod"
DEFINITIONS = """
import os, sys, library
from dagster import Definitions, asset
@asset(metadata={"version": library.VERSION, "folder": os.getcwd(), "python": sys.executable})
def thing(): ...
definitions = Definitions([thing])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of one pool after the other: what one has unpacked the next one need not."""
    return tmp_path_factory.mktemp("shared") / "pool"


@pytest.fixture
def launcher(
    folder: Path, shop: PexShop, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PexUserCodeLauncher]:
    with launcher_in(folder, shop.url, monkeypatch) as launcher:
        yield launcher


@pytest.fixture(scope="module")
def tag(bench: PexBench) -> str:
    deps = bench.dependencies({"library/__init__.py": "VERSION = 1\n"})
    return pex_tag(deps, bench.source({"project.py": DEFINITIONS}))


def pex_location(tag: str, **more: Any) -> CodeLocationDeployData:
    return CodeLocationDeployData(
        module_name="project", pex_metadata=PexMetadata(pex_tag=tag), **more
    )


def deploy(
    launcher: PexUserCodeLauncher, timestamp: float, **locations: CodeLocationDeployData
) -> None:
    launcher.update_grpc_metadata(
        {(PROD, name): UserCodeLauncherEntry(data, timestamp) for name, data in locations.items()},
        control_plane_error_locations=set(),
        control_plane_outdated_locations=set(),
    )
    launcher.reconcile()


def server(launcher: PexUserCodeLauncher, location: str) -> DagsterCloudGrpcServer:
    found = launcher._grpc_servers[PROD, location]
    assert isinstance(found, DagsterCloudGrpcServer), found
    return found


def error(launcher: PexUserCodeLauncher, location: str) -> str:
    found = launcher._grpc_servers[PROD, location]
    assert isinstance(found, SerializableErrorInfo), found
    assert found.stack == []
    return found.message


def asset_of(launcher: PexUserCodeLauncher, location: str) -> str:
    """What the code server says of its one asset, serialized."""
    client = server(launcher, location).server_endpoint.create_client()
    origin = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(location), "__repository__")
    return str(client.external_repository(origin, defer_snapshots=True))


def processes(home: Path) -> list[psutil.Process]:
    """All that runs out of a pool's folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(home) in " ".join(process.cmdline()) and process.status() != "zombie":
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.mark.thorough
def test_two_locations_with_conflicting_dependencies_run_side_by_side(
    launcher: PexUserCodeLauncher, bench: PexBench, tag: str
) -> None:
    source = next(name for name in tag.removeprefix("files=").split(":") if "source" in name)
    other = pex_tag(bench.dependencies({"library/__init__.py": "VERSION = 2\n"}), source)
    deploy(launcher, 1.0, first=pex_location(tag), second=pex_location(other))
    for location, version in (("first", 1), ("second", 2)):
        text = asset_of(launcher, location)
        assert f'"value": {version}' in text
        assert "working_directory/root" in text


def test_several_deploys_of_one_second_each_get_their_own_server(
    launcher: PexUserCodeLauncher, tag: str
) -> None:
    handles = []
    for timestamp in (7.1, 7.2, 7.3):
        deploy(launcher, timestamp, here=pex_location(tag))
        handles.append(server(launcher, "here").server_handle)
    assert len(set(handles)) == 3
    assert launcher._list_server_handles() == handles[-1:]
    eventually(lambda: tidy(launcher) == 1, 30, "the earlier servers to end")


def tidy(launcher: PexUserCodeLauncher) -> int:
    launcher._table.tidy()
    return len(launcher._table._servers)


def test_the_environment_of_user_code_has_the_context_and_no_secrets(
    folder: Path, shop: PexShop, bench: PexBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTEAD_DATABASE", "postgresql://user:secret@host/db")
    code = (
        "import os\nfrom dagster import Definitions, asset\n"
        "@asset(metadata={'seen': ' '.join(sorted(os.environ))})\ndef thing(): ...\n"
        "definitions = Definitions([thing])\n"
    )
    tag = pex_tag(bench.dependencies(), bench.source({"project.py": code}))
    data = pex_location(tag, cloud_context_env={"DAGSTER_CLOUD_GIT_SHA": "abc"})
    with launcher_in(folder, shop.url, monkeypatch) as launcher:
        deploy(launcher, 1.0, here=data)
        text = asset_of(launcher, "here")
    assert "DAGSTER_CLOUD_GIT_SHA" in text
    assert "DAGSTER_LOCATION_NAME" in text
    assert "DAGSTEAD" not in text


def test_a_code_server_has_a_token_of_its_own_that_ends_with_it(
    folder: Path, shop: PexShop, bench: PexBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import os\nfrom dagster import Definitions, asset\n"
        "@asset(metadata={'seen': ' '.join(os.environ.values())})\ndef thing(): ...\n"
        "definitions = Definitions([thing])\n"
    )
    tag = pex_tag(bench.dependencies(), bench.source({"project.py": code}))
    with launcher_in(folder, shop.url, monkeypatch, pass_environment=("*",)) as launcher:
        deploy(launcher, 1.0, here=pex_location(tag))
        seen = asset_of(launcher, "here")
        [minted] = [each for each in shop.minted if each["location"] == "here"]
        launcher._next_cancel_check = 0.0
        launcher.reconcile()
        eventually(lambda: minted["id"] in shop.reports[-1]["running"], 20, "it to be reported")

        process = launcher._table.get(server(launcher, "here").server_handle)
        assert process is not None
        process.kill()
        launcher._next_cancel_check = 0.0
        launcher.reconcile()
        eventually(lambda: minted["id"] in shop.reports[-1]["ended"], 20, "its end to be reported")

    assert minted["deployment"] == PROD
    assert minted["agentId"] == shop.reports[-1]["agentIds"][-1]
    assert "pool:org:token" not in seen
    assert f"worker:org:{minted['id']}" in seen
    assert f"worker:org:{minted['id']}" in shop.tokens


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (CodeLocationDeployData(image="img:1", module_name="m"), "has the Docker image 'img:1'"),
        (CodeLocationDeployData(module_name="m"), "has neither a PEX nor a Docker image"),
        (
            CodeLocationDeployData(module_name="m", pex_metadata=PexMetadata("files=x")),
            "'x' is not the name of a PEX file",
        ),
        (
            CodeLocationDeployData(module_name="m", pex_metadata=PexMetadata("files=source-0.pex")),
            "source-0.pex is not in the control plane's store",
        ),
    ],
)
def test_what_the_pool_cannot_run_is_a_load_error_with_a_next_step(
    launcher: PexUserCodeLauncher, data: CodeLocationDeployData, reason: str
) -> None:
    deploy(launcher, 1.0, wrong=data)
    message = error(launcher, "wrong")
    assert "Code location 'wrong' of deployment 'prod'" in message
    assert reason in message
    assert "dagster-cloud ci build --build-strategy=python-executable" in message
    assert launcher._list_server_handles() == []


def test_an_error_in_user_code_comes_with_the_users_own_traceback(
    launcher: PexUserCodeLauncher, bench: PexBench
) -> None:
    source = bench.source({"project.py": "raise RuntimeError('no definitions today')\n"})
    deploy(launcher, 1.0, broken=pex_location(pex_tag(bench.dependencies(), source)))
    found = launcher._grpc_servers[PROD, "broken"]
    assert isinstance(found, SerializableErrorInfo)
    assert "no definitions today" in found.to_string()
    assert "project.py" in found.to_string()
    assert launcher._list_server_handles() == []


def test_a_server_that_cannot_start_shows_its_last_words(
    launcher: PexUserCodeLauncher, bench: PexBench
) -> None:
    code = "import sys; sys.stderr.write('the disk is on fire\\n'); sys.exit(9)\n"
    deps = bench.dependencies({"sitecustomize.py": ""})
    source = bench.source(
        {"project.py": "", "dagster/__init__.py": "", "dagster/__main__.py": code}
    )
    deploy(launcher, 1.0, broken=pex_location(pex_tag(deps, source)))
    message = error(launcher, "broken")
    assert "ended with code 9" in message
    assert "the disk is on fire" in message


def test_a_server_that_dies_is_replaced(launcher: PexUserCodeLauncher, tag: str) -> None:
    deploy(launcher, 1.0, here=pex_location(tag))
    first = server(launcher, "here").server_handle
    victim = launcher._table.get(first)
    assert victim is not None
    assert victim.mark is not None
    os.kill(victim.mark.pid, signal.SIGKILL)
    eventually(lambda: victim.has_ended, 20, "the server to be gone")
    launcher._last_refreshed_actual_entries = int(time.time()) - 3600
    launcher.reconcile()
    assert server(launcher, "here").server_handle != first
    assert '"value": 1' in asset_of(launcher, "here")


def test_a_server_that_hears_nothing_from_its_agent_ends_by_itself(
    folder: Path, shop: PexShop, tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with launcher_in(folder, shop.url, monkeypatch, server_orphan_seconds=4) as launcher:
        deploy(launcher, 1.0, here=pex_location(tag))
        orphan = launcher._table.get(server(launcher, "here").server_handle)
        assert orphan is not None
        orphan._quiet.set()  # as when the agent was killed
        eventually(lambda: orphan.has_ended, 40, "the server to end by itself")


def test_a_location_that_is_removed_leaves_no_process(
    launcher: PexUserCodeLauncher, tag: str, folder: Path
) -> None:
    deploy(launcher, 1.0, here=pex_location(tag))
    assert processes(folder)
    deploy(launcher, 2.0)
    eventually(lambda: tidy(launcher) == 0, 30, "the server to end")
    assert processes(folder) == []
    assert list((folder / "servers").iterdir()) == []


def test_nothing_goes_on_of_a_run_whose_workers_end_nobody_saw(
    launcher: PexUserCodeLauncher, folder: Path
) -> None:
    # As an agent that is gone leaves it: a worker that has ended, and a step's process.
    with leader_with_a_child() as (worker, step):
        mark = ProcessMark.of(worker.pid)
    (folder / "runs" / "run-1").mkdir()
    record = {"deployment": PROD, "environment": None, "pid": mark.pid, "started": mark.started}
    write_json(folder / "runs" / "run-1" / "worker.json", record)

    health = launcher.run_launcher().check_run_worker_health(DagsterRun("slow", "run-1"))

    assert health.status is WorkerStatus.FAILED
    eventually(lambda: is_over(step), 10, "the end of the step")


def test_closing_ends_every_server(
    folder: Path, shop: PexShop, tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with launcher_in(folder, shop.url, monkeypatch) as launcher:
        deploy(launcher, 1.0, here=pex_location(tag), there=pex_location(tag))
        assert len(processes(folder)) >= 2
    assert processes(folder) == []


def test_local_code_runs_where_the_operator_allows_it(
    folder: Path, tmp_path: Path, shop: PexShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "local.py").write_text(
        "from dagster import Definitions, asset\n@asset\ndef thing(): ...\n"
        "definitions = Definitions([thing])\n"
    )
    data = CodeLocationDeployData(module_name="local", working_directory=str(code))
    with launcher_in(folder, shop.url, monkeypatch, allow_local_code=True) as launcher:
        deploy(launcher, 1.0, here=data)
        answer = server(launcher, "here").server_endpoint.create_client().list_repositories()
    assert deserialize_value(answer, ListRepositoriesResponse).repository_symbols


def test_one_folder_is_for_one_agent(
    launcher: PexUserCodeLauncher, folder: Path, shop: PexShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        pytest.raises(ConfigurationError, match="Another agent already works"),
        launcher_in(folder, shop.url, monkeypatch),
    ):
        pass
    assert launcher._started
