"""Code servers in containers: what they print is read on pages, and want of memory is explained."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dagstead.testing.waiting import eventually
from tests.support.containers.docker import Docker
from tests.support.containers.pool_site import PoolSite, code, pool_site
from tests.support.containers.registry import Registry

pytestmark = pytest.mark.containers

_FILES = {
    "hungry.py": code(
        "print('eating', flush=True)", "eaten = [", "    bytearray(1 << 20) for _ in range(4096)]"
    ),
    "asked.py": """
import dagster as dg

print("ready to eat", flush=True)

@dg.op
def nothing():
    pass

@dg.job
def quiet():
    nothing()

@dg.sensor(job=quiet, minimum_interval_seconds=5)
def eats(context):
    eaten = [bytearray(1 << 20) for _ in range(4096)]
    yield dg.SkipReason(str(len(eaten)))

defs = dg.Definitions(jobs=[quiet], sensors=[eats])
""",
}
NEXT_STEP = (
    "Raise `memory_mb` in `container_context: dagstead_pool`, or the pool's setting "
    "`pool_memory_mb`."
)


@pytest.fixture(scope="module")
def site(
    docker: Docker,
    registry: Registry,
    agent_image: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[PoolSite]:
    folder = tmp_path_factory.mktemp("docker-limits")
    variables = {"DAGSTEAD_POOL_MEMORY_MB": "400"}
    with pool_site(docker, registry, agent_image, folder, variables) as site:
        image = site.image(_FILES)
        for name in ("hungry", "asked"):
            site.prod.deploy(name, name, image=image)
        yield site


def test_a_server_that_needs_too_much_while_it_loads(site: PoolSite) -> None:
    said = site.error_of(
        "hungry",
        "was ended before it answered: it needed more memory than its limit, 400 MiB.",
    )

    assert NEXT_STEP in said
    assert said.rstrip().endswith("eating")
    assert site.servers("hungry") == []


def test_a_server_that_needs_too_much_when_it_serves(site: PoolSite) -> None:
    site.prod.wait_until_loaded("asked")
    (before,) = site.servers("asked")

    site.prod.start_sensor("asked", "eats")

    eventually(lambda: site.servers("asked")[:1] != [before], 90, "another container")
    words = "it needed more memory than its limit, 400 MiB. " + NEXT_STEP
    eventually(lambda: words in site.page("asked"), 60, "the reason on the page")
    assert "The code server before this one is gone." in site.page("asked")


def test_what_servers_print_is_on_pages_also_when_they_fail(site: PoolSite) -> None:
    eventually(lambda: "eating" in site.page("hungry"), 60, "the output of the one that failed")
    eventually(lambda: "ready to eat" in site.page("asked"), 60, "the output of the other")
