"""Code of two deployments in containers of one pool: none sees the other, or the control plane."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dagstead.serverless.docker import labels
from dagstead.testing.waiting import eventually
from tests.support.containers.daemon import SOCKET
from tests.support.containers.docker import Docker
from tests.support.containers.pool_site import PoolSite, pool_site
from tests.support.containers.registry import Registry
from tests.support.deployment import DeploymentClient
from tests.support.pex import PexBench, pex_tag

pytestmark = pytest.mark.containers

#: Where the packages of the base image's Python are.
_PACKAGES = Path("/opt/agent/lib/python3.11/site-packages")
_MARK = "mark-of-the-other"
_CODE = """
import json
import os
import socket
import time
from pathlib import Path

import dagster as dg

STORAGE = Path("/opt/dagstead/storage")


@dg.op
def hold(context):
    (STORAGE / "kept-by-prod").write_text("mark-of-the-other")
    Path("/tmp/mark-of-the-other").touch()
    context.log.info("holding")
    while True:
        time.sleep(1)


@dg.job(executor_def=dg.in_process_executor)
def holding():
    hold()


def processes():
    for each in Path("/proc").iterdir():
        if each.name.isdigit():
            for name in ("cmdline", "environ"):
                try:
                    yield (each / name).read_bytes().decode(errors="replace")
                except OSError as error:
                    yield f"{name}: {error}"


def is_reached(address):
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=3).close()
    except OSError:
        return False
    return True


@dg.op
def look(context):
    asked = json.loads(context.run.tags["asked"])
    files = [
        str(Path(folder, name))
        for folder, folders, names in os.walk("/")
        if not folder.startswith(("/proc", "/sys"))
        for name in (*folders, *names)
    ]
    words = list(processes())
    (STORAGE / "kept-by-staging").touch()
    context.log.info("seen " + json.dumps({
        "processes": [each for each in words if "holding" in each or "mark-of" in each],
        "is itself among them": any("looking" in each or "execute_run" in each for each in words),
        "files": [each for each in files if "mark-of" in each or "by-prod" in each],
        "code": sorted(each for each in files if each.endswith("_jobs.py")),
        "storage": sorted(os.listdir(STORAGE)),
        "environment": [
            name for name, value in os.environ.items()
            if "mark-of" in value or name.startswith(("DAGSTEAD_", "DOCKER_"))
        ],
        "paths": [each for each in asked["paths"] if Path(each).exists()],
        "addresses": [each for each in asked["addresses"] if is_reached(each)],
        "disks": [each.name for each in Path("/dev").iterdir() if each.is_block_device()],
    }))


@dg.job(executor_def=dg.in_process_executor)
def looking():
    look()


defs = dg.Definitions(jobs=[holding, looking])
"""


@dataclass(frozen=True, kw_only=True)
class Tenants:
    """Two deployments with a location each, of PEX files."""

    site: PoolSite
    staging: DeploymentClient


@pytest.fixture(scope="module")
def tenants(
    docker: Docker,
    registry: Registry,
    agent_image: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Tenants]:
    folder = tmp_path_factory.mktemp("docker-tenants")
    bench = PexBench(shelf=folder / "shelf", workshop=folder / "workshop")
    for each in (bench.shelf, bench.workshop):
        each.mkdir()
    needs = bench.dependencies(packages=_PACKAGES)
    with (
        pool_site(docker, registry, agent_image, folder) as site,
        closing(site.plane.deployment("staging")) as staging,
    ):
        site.plane.set_secret("ONLY_OF_PROD", _MARK, "prod")
        for deployment in (site.prod, staging):
            source = bench.source({f"{deployment.name}_jobs.py": _CODE})
            deployment.upload(bench.shelf / needs, bench.shelf / source)
            deployment.deploy(
                deployment.name, f"{deployment.name}_jobs", pex_tag=pex_tag(needs, source)
            )
        site.prod.wait_until_loaded("prod")
        staging.wait_until_loaded("staging")
        yield Tenants(site=site, staging=staging)


def address_of(container: dict[str, Any]) -> str:
    ((_, network),) = container["NetworkSettings"]["Networks"].items()
    return str(network["IPAddress"])


def test_they_see_neither_each_other_nor_the_control_plane(tenants: Tenants) -> None:
    site, staging = tenants.site, tenants.staging
    held = site.prod.launch("prod", "holding")
    eventually(lambda: "holding\n" in site.prod.messages(held), 90, "the run of prod")
    (worker,) = site.workers(held)
    (server,) = site.servers("prod")
    ((_, network),) = server["NetworkSettings"]["Networks"].items()
    data = site.plane.data

    with closing(socket.create_server(("127.0.0.1", 0))) as loopback:
        own = loopback.getsockname()[1]
        asked = {
            "paths": [str(SOCKET), str(data), *map(str, data.iterdir()), str(site.plane.folder)],
            "addresses": [
                *(f"{each['Name'].lstrip('/')}:4000" for each in (server, worker)),
                *(f"{address_of(each)}:4000" for each in (server, worker)),
                f"127.0.0.1:{own}",
                f"127.0.0.1:{site.plane.port}",
                f"{network['Gateway']}:{own}",
                f"{network['Gateway']}:22",
                f"{network['Gateway']}:{site.plane.port}",
            ],
        }
        run_id = staging.launch("staging", "looking", tags={"asked": json.dumps(asked)})
        staging.succeed(run_id)

    (line,) = [each for each in staging.messages(run_id).splitlines() if each.startswith("seen ")]
    seen = json.loads(line.removeprefix("seen "))
    assert seen == {
        "processes": [],
        "is itself among them": True,
        "files": [],
        "code": seen["code"],
        "storage": seen["storage"],
        "environment": [],
        "paths": [],
        # Whose operations take a token, and its own is of its deployment only.
        "addresses": [f"{network['Gateway']}:{site.plane.port}"],
        "disks": [],
    }
    assert "kept-by-staging" in seen["storage"]
    assert {Path(each).name for each in seen["code"]} == {"staging_jobs.py"}
    site.prod.terminate(held)
    site.prod.wait_for_run(held, {"CANCELED"})


def test_nothing_of_the_machine_is_mounted_and_no_right_of_its_root_is_given(
    tenants: Tenants,
) -> None:
    site = tenants.site
    pool = site.servers("prod")[0]["Config"]["Labels"][labels.POOL]
    containers = site.docker.containers(labels.DEPLOYMENT, f"{labels.POOL}={pool}")
    volumes = {
        (each["Config"]["Labels"][labels.DEPLOYMENT], mount["Name"])
        for each in containers
        for mount in each["Mounts"]
    }

    assert {deployment for deployment, _ in volumes} == {"prod", "staging"}
    assert len({name for _, name in volumes}) == 2
    for each in containers:
        host = each["HostConfig"]
        assert [mount["Type"] for mount in each["Mounts"]] == ["volume"]
        assert not host["Privileged"]
        assert (host["PidMode"], host["UTSMode"], host["UsernsMode"]) == ("", "", "")
        assert host["IpcMode"] == "private"
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        assert {"NET_RAW", "MKNOD"} <= {cap.removeprefix("CAP_") for cap in host["CapDrop"]}
