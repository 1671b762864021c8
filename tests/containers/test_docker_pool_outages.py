"""What users see when Docker, a registry, an image or somebody at the machine fails their code."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from dagstead.serverless.docker import labels
from dagstead.testing.waiting import eventually
from tests.support.containers.base_image import BASE_IMAGE
from tests.support.containers.cut_socket import CutSocket, cut_socket
from tests.support.containers.daemon import SOCKET, small_daemon
from tests.support.containers.docker import Docker
from tests.support.containers.pool_site import PoolSite, pool_site
from tests.support.containers.registry import Registry
from tests.support.ports import free_port

pytestmark = pytest.mark.containers

_CODE = """
import os
import time

import dagster as dg

if os.path.exists("slow"):
    print("loading slowly", flush=True)
    time.sleep(15)


@dg.op
def count(context):
    for number in range(20):
        context.log.info(f"number {number}")
        time.sleep(1)


@dg.job(executor_def=dg.in_process_executor)
def counting():
    count()


@dg.op
def store():
    return os.getuid()


@dg.op
def show(context, stored):
    context.log.info(f"stored by {stored}")


@dg.job(executor_def=dg.multiprocess_executor)
def storing():
    show(store())


defs = dg.Definitions(jobs=[counting, storing])
"""
_FILES = {"faulty.py": _CODE}


@dataclass(frozen=True, kw_only=True)
class Faulty:
    """A site whose pool reaches Docker by a socket that a test cuts off."""

    site: PoolSite
    way: CutSocket
    image: str
    slow: str

    def deploy(self, location: str, image: str) -> None:
        self.site.prod.deploy(location, "faulty", image=image)


@pytest.fixture(scope="module")
def faulty(
    docker: Docker,
    registry: Registry,
    agent_image: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Faulty]:
    folder = tmp_path_factory.mktemp("docker-faults")
    variables = {"DOCKER_HOST": f"unix://{folder / 'docker.sock'}"}
    with (
        cut_socket(folder / "docker.sock", SOCKET) as way,
        pool_site(docker, registry, agent_image, folder, variables) as site,
    ):
        yield Faulty(
            site=site,
            way=way,
            image=site.image(_FILES),
            slow=site.image({**_FILES, "slow": ""}),
        )


def begun(site: PoolSite, location: str) -> str:
    """The container of a code server that loads."""
    found = eventually(lambda: site.servers(location), 60, f"the container of {location}")
    assert found
    return str(found[0]["Id"])


@pytest.mark.thorough
def test_docker_is_away_while_locations_load_and_a_run_goes_on(faulty: Faulty) -> None:
    site = faulty.site
    faulty.deploy("here", faulty.image)
    site.prod.wait_until_loaded("here")
    run_id = site.prod.launch("here", "counting")
    eventually(lambda: "number 2" in site.prod.messages(run_id), 60, "the run")
    faulty.deploy("ended", faulty.slow)
    loading = begun(site, "ended")

    with faulty.way.while_cut():
        # As a daemon does that is stopped, or starts again.
        site.docker.run("kill", loading)
        faulty.deploy("away", faulty.image)
        site.error_of("ended", "Docker does not answer")
        site.prod.succeed(run_id)
        assert "gone" not in site.prod.messages(run_id)

    site.loaded_in_the_end("ended", "away")
    site.prod.succeed(site.launched("away", "storing"))


@pytest.mark.thorough
def test_docker_is_away_when_a_location_is_to_be_loaded(faulty: Faulty) -> None:
    site = faulty.site
    before = site.plane.pool_log
    with faulty.way.while_cut():
        faulty.deploy("later", faulty.image)
        site.error_of("later", "Docker does not answer")
        assert "Traceback" not in site.plane.pool_log.removeprefix(before)

    site.loaded_in_the_end("later")


@pytest.mark.thorough
def test_a_container_that_is_removed_while_it_loads(faulty: Faulty) -> None:
    site = faulty.site
    faulty.deploy("removed", faulty.slow)
    site.docker.run("rm", "--force", begun(site, "removed"))

    site.error_of("removed", "is gone: somebody has removed it")
    site.loaded_in_the_end("removed")


def test_a_registry_that_never_answers_holds_up_its_own_location_only(faulty: Faulty) -> None:
    site = faulty.site
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        image = f"127.0.0.1:{silent.getsockname()[1]}/silent:1"
        faulty.deploy("held", image)
        eventually(lambda: f"fetches {image}" in site.page("held"), 30, "what the pool waits for")
        faulty.deploy("meanwhile", faulty.image)

        site.prod.wait_until_loaded("meanwhile")

        assert site.prod.location("held").load_status == "LOADING"
    # It has hung up.
    site.error_of("held", f"Image {image} cannot be fetched")


def test_images_in_which_no_code_server_starts(faulty: Faulty, tmp_path: Path) -> None:
    site = faulty.site
    (tmp_path / "Dockerfile").write_text('FROM scratch\nCOPY Dockerfile /\nCMD ["none"]\n')
    foreign = "dagstead-test/foreign"
    site.docker.run("build", "--platform=linux/arm64", f"--tag={foreign}", tmp_path)
    nowhere = f"127.0.0.1:{free_port()}/none:1"
    ends = {**_FILES, "begin.sh": "#!/bin/sh\necho not me\nexit 3\n"}
    wanted = {
        "bare": (site.image(_FILES, base=BASE_IMAGE), "has no Dagster, or not in its PATH"),
        "foreign": (
            site.docker.push(foreign, site.registry.repository("foreign")),
            "is made for linux/arm64, and Docker on the pool's machine runs linux/",
        ),
        "entry": (
            site.image(ends, 'ENTRYPOINT ["/code/begin.sh"]'),
            "has an entry point of its own, ['/code/begin.sh']",
        ),
        "nowhere": (nowhere, "cannot be fetched"),
        "unknown": (
            f"{site.registry.repository('none')}:1",
            "Look whether its registry answers, has this image",
        ),
    }
    for location, (image, _) in wanted.items():
        faulty.deploy(location, image)

    for location, (image, words) in wanted.items():
        said = site.error_of(location, words)
        assert f"Image {image} " in said
        assert "deploy again" in said
        assert site.servers(location) == []


def test_an_image_with_another_user_and_one_with_a_good_entry_point_run(faulty: Faulty) -> None:
    site = faulty.site
    passes = {**_FILES, "begin.sh": '#!/bin/sh\nexport BEGUN=yes\nexec "$@"\n'}
    faulty.deploy("user", site.image(_FILES, "USER 1000:1000"))
    faulty.deploy("passes", site.image(passes, 'ENTRYPOINT ["/code/begin.sh"]'))
    site.prod.wait_until_loaded("user", "passes")

    runs = [site.prod.launch(location, "storing") for location in ("user", "passes")]

    for run_id in runs:
        site.prod.succeed(run_id)
    assert "stored by 1000" in site.prod.messages(runs[0])


@pytest.mark.thorough
def test_a_full_disk_is_named_and_once_there_is_room_the_location_loads(
    faulty: Faulty, agent_image: str, tmp_path: Path
) -> None:
    # Paths of sockets are short.
    with tempfile.TemporaryDirectory(prefix="dgst-") as name, ExitStack() as stack:
        folder = Path(name)
        variables = {"DOCKER_HOST": f"unix://{stack.enter_context(small_daemon(folder, 900))}"}
        docker, registry = faulty.site.docker, faulty.site.registry
        site = stack.enter_context(pool_site(docker, registry, agent_image, tmp_path, variables))
        filling = folder / "data" / "filling"
        filling.write_bytes(bytes(800 * 2**20))
        site.prod.deploy("large", "faulty", image=faulty.image)

        said = site.error_of("large", "no space left on device")
        assert f"Image {faulty.image} cannot be fetched" in said
        assert "make room there (`docker system df`" in said

        filling.unlink()
        site.prod.deploy("large", "faulty", image=faulty.image)
        site.loaded_in_the_end("large")


@pytest.mark.thorough
def test_a_second_pool_on_the_daemon_cleans_up_its_own_only(
    faulty: Faulty, agent_image: str, tmp_path: Path
) -> None:
    site = faulty.site
    faulty.deploy("shared", faulty.image)
    site.prod.wait_until_loaded("shared")
    before = {each["Id"] for each in site.docker.containers(labels.POOL)}
    run_id = site.launched("shared", "counting")

    with pool_site(site.docker, site.registry, agent_image, tmp_path) as other:
        other.prod.deploy("shared", "faulty", image=faulty.image)
        other.prod.wait_until_loaded("shared")
        (server,) = (each for each in site.servers("shared") if each["Id"] not in before)
        other.prod.succeed(other.prod.launch("shared", "storing"))

    left = {each["Id"] for each in site.docker.containers(labels.POOL)}
    assert server["Id"] not in left
    assert before <= left
    site.prod.succeed(run_id)
