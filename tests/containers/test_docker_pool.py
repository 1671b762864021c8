"""The managed pool with its code in containers: PEX files in images made here, and images as is."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dagstead.serverless.docker import labels
from dagstead.testing.waiting import eventually
from tests.support.containers.docker import Docker
from tests.support.control_plane import ControlPlane
from tests.support.deployment import DeploymentClient, GraphQLRefusedError
from tests.support.pex import PexBench, pex_tag

pytestmark = pytest.mark.containers

PEX, IMAGE = "of_pex", "of_image"
#: Where the packages of the base image's Python are.
_PACKAGES = Path("/opt/agent/lib/python3.11/site-packages")
_GREEDY = """
import time

import dagster as dg


@dg.op
def eat(context):
    context.log.info("eating")
    eaten = [bytearray(1 << 20) for _ in range(4096)]
    time.sleep(60)
    return len(eaten)


@dg.job(executor_def=dg.in_process_executor)
def greedy():
    eat()


@dg.op
def look(context):
    import os
    from pathlib import Path

    processes = [each for each in Path("/proc").iterdir() if each.name.isdigit()]
    words = b" ".join((each / "cmdline").read_bytes() for each in processes).decode()
    # What captures the output of steps is there, too.
    context.log.info(f"sees {'others' if 'dockerd' in words or 'api grpc' in words else 'itself'}")
    context.log.info(f"token {os.environ['DAGSTER_CLOUD_AGENT_TOKEN'].partition(':')[0]}")


@dg.job(executor_def=dg.in_process_executor)
def looking():
    look()


@dg.op
def reach(context):
    import socket

    for address in context.run.tags["addresses"].split(","):
        host, _, port = address.partition(":")
        try:
            socket.create_connection((host, int(port)), timeout=3).close()
        except OSError as error:
            context.log.info(f"{address} not reached: {type(error).__name__}")
        else:
            context.log.info(f"{address} reached")


@dg.job(executor_def=dg.in_process_executor)
def reaching():
    reach()


defs = dg.Definitions(jobs=[greedy, looking, reaching])
"""


@dataclass(frozen=True, kw_only=True)
class Site:
    """A control plane whose pool has a location of each kind in containers."""

    plane: ControlPlane
    prod: DeploymentClient
    docker: Docker

    def servers(self, location: str) -> list[dict[str, Any]]:
        return self.docker.containers(labels.SERVER, f"{labels.LOCATION}={location}")

    def workers(self, run_id: str) -> list[dict[str, Any]]:
        return self.docker.containers(f"{labels.RUN}={run_id}")

    def launched(self, location: str, job: str, **more: Any) -> str:
        """A run, as soon as the code server that was started last answers."""
        launch = partial(self.prod.launch, location, job, **more)
        run_id = eventually(launch, 60, f"a launch of {job}", retry_on=(GraphQLRefusedError,))
        assert run_id is not None
        return run_id


@pytest.fixture(scope="module")
def site(
    docker: Docker,
    agent_image: str,
    location_image: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("docker-pool")
    bench = PexBench(shelf=folder / "shelf", workshop=folder / "workshop")
    for each in (bench.shelf, bench.workshop):
        each.mkdir()
    files = [
        bench.dependencies(packages=_PACKAGES),
        bench.source({"greedy_jobs.py": _GREEDY}),
    ]
    with ExitStack() as stack:
        plane = stack.enter_context(
            ControlPlane(
                folder,
                pool=True,
                variables={
                    "DAGSTEAD_POOL_BACKEND": "docker",
                    "DAGSTEAD_POOL_BASE_IMAGE": agent_image,
                    "DAGSTEAD_POOL_MEMORY_MB": "600",
                },
            )
        )
        prod = plane.deployment("prod")
        stack.callback(prod.close)
        prod.upload(*(bench.shelf / name for name in files))
        prod.deploy(PEX, "greedy_jobs", pex_tag=pex_tag(*files))
        prod.deploy(IMAGE, "compat_definitions", image=location_image)
        prod.wait_until_loaded(PEX, IMAGE)
        yield Site(plane=plane, prod=prod, docker=docker)


def test_each_location_has_a_container_of_its_own(site: Site, location_image: str) -> None:
    (of_pex,) = site.servers(PEX)
    (of_image,) = site.servers(IMAGE)

    assert of_image["Config"]["Image"] == location_image
    assert of_pex["Config"]["Image"].startswith("dagstead-code:")
    for each in (of_pex, of_image):
        assert each["HostConfig"]["Memory"] == 600 << 20
        assert not each["HostConfig"]["PortBindings"]


def test_a_run_of_each_has_a_container_of_its_own(site: Site) -> None:
    of_pex = site.prod.launch(PEX, "looking")
    of_image = site.prod.launch(IMAGE, "plain_assets")

    for run_id in (of_pex, of_image):
        site.prod.succeed(run_id)
        (worker,) = site.workers(run_id)
        assert worker["State"]["ExitCode"] == 0
    assert "said on stdout" in site.prod.captured(of_image)["stdout"]
    said = site.prod.messages(of_pex)
    assert "token worker" in said
    assert "sees itself" in said


def test_a_run_over_its_memory_is_ended_alone(site: Site) -> None:
    run_id = site.prod.launch(PEX, "greedy")

    site.prod.wait_for_run(run_id, {"FAILURE"})

    assert "needed more memory than its limit, 600 MiB" in site.prod.messages(run_id)
    assert site.servers(PEX)[0]["State"]["Running"]


def test_a_code_server_that_is_removed_is_started_again(site: Site) -> None:
    (before,) = site.servers(PEX)

    site.docker.run("rm", "--force", before["Id"])

    eventually(lambda: site.servers(PEX), 60, "another container")
    (after,) = site.servers(PEX)
    assert after["Id"] != before["Id"]
    eventually(lambda: site.prod.launch(PEX, "looking"), 60, "a launch", retry_on=(AssertionError,))


def test_a_container_reaches_the_control_plane_and_neither_others_nor_the_machine(
    site: Site,
) -> None:
    (server,) = site.servers(IMAGE)
    ((name, network),) = server["NetworkSettings"]["Networks"].items()
    gateway = network["Gateway"]
    with closing(socket.create_server((gateway, 0))) as other:
        addresses = {
            "control plane": f"{gateway}:{site.plane.port}",
            "machine": f"{gateway}:{other.getsockname()[1]}",
            "other location": f"{network['IPAddress']}:4000",
            "metadata": "169.254.169.254:80",
        }
        tags = {"addresses": ",".join(addresses.values())}
        run_id = site.launched(PEX, "reaching", tags=tags)
        site.prod.succeed(run_id)

    said = site.prod.messages(run_id)
    assert name.startswith("dagstead-")
    reached = {what for what, address in addresses.items() if f"{address} reached" in said}
    assert reached == {"control plane"}
    assert said.count("not reached") == 3


def test_a_pool_leaves_no_code_server_behind(site: Site) -> None:
    (before,) = site.servers(IMAGE)

    site.plane.kill_pool()
    site.plane.start_pool()
    eventually(
        lambda: before["Id"] not in {each["Id"] for each in site.servers(IMAGE)},
        60,
        "the next pool to remove the code server of the one before",
    )
    site.prod.succeed(site.launched(IMAGE, "plain_assets"))
    eventually(lambda: len(site.servers(IMAGE)) == 1, 60, "the code server of the next pool")
    site.plane.stop_pool()

    assert site.docker.containers(labels.SERVER) == []
    site.plane.start_pool()
