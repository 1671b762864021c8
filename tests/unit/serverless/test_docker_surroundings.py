"""What a container of the pool starts with, and what a location cannot have."""

from __future__ import annotations

from typing import Any

import pytest

from dagstead.errors import UnservableLocationError
from dagstead.serverless.docker import labels
from dagstead.serverless.docker.surroundings import Surroundings
from dagstead.serverless.docker_choice import DockerChoice
from dagstead.serverless.sandbox.limits import ProcessLimits

SURROUNDINGS = Surroundings(
    choice=DockerChoice(
        pool="0123456789ab",
        network="dagstead-0123456789ab",
        gateway="172.30.0.1",
        bridge="dgst-0123456789",
        url="http://172.30.0.1:3000",
        base_image="python:{python}-slim",
        registry_host="127.0.0.1:3000",
    ),
    environment={"TZ": "UTC"},
    limits=ProcessLimits(memory_mb=1024, processes=100, cpus=2),
)


def started(context: dict[str, Any] | None = None) -> Any:
    return SURROUNDINGS.around("prod", "shop", context, {"GIVEN": "1"}, {labels.TOKEN: "7"})


def test_it_is_on_the_pools_network_and_known_by_its_labels() -> None:
    start = started()

    assert start.networks == ["dagstead-0123456789ab"]
    assert start.labels == {
        labels.POOL: "0123456789ab",
        labels.DEPLOYMENT: "prod",
        labels.LOCATION: "shop",
        labels.TOKEN: "7",
    }


def test_it_has_the_limits_of_the_pool_or_less() -> None:
    whole = started().more
    less = started({"dagstead_pool": {"memory_mb": 256, "cpus": 0.5}}).more

    assert (whole["mem_limit"], whole["pids_limit"], whole["nano_cpus"]) == (
        1 << 30,
        100,
        2 * 10**9,
    )
    assert (less["mem_limit"], less["memswap_limit"], less["nano_cpus"]) == (
        256 << 20,
        256 << 20,
        5 * 10**8,
    )
    with pytest.raises(UnservableLocationError, match="more than 1024"):
        started({"dagstead_pool": {"memory_mb": 2048}})


def test_a_location_brings_variables_and_gets_none_that_are_not_for_it() -> None:
    start = started({"env_vars": ["COLOR=red", "TZ"]})

    assert start.variables == {"TZ": "UTC", "COLOR": "red", "GIVEN": "1"}
    with pytest.raises(UnservableLocationError, match="DAGSTER_CLOUD_AGENT_TOKEN"):
        started({"env_vars": ["DAGSTER_CLOUD_AGENT_TOKEN"]})


@pytest.mark.parametrize(
    "wanted",
    [
        {"container_kwargs": {"privileged": True}},
        {"container_kwargs": {"volumes": ["/:/host"]}},
        {"networks": ["host"]},
        {"env_vars": ["DAGSTER_CLOUD_AGENT_TOKEN"]},
    ],
)
def test_what_could_undo_the_walls_is_refused(wanted: dict[str, Any]) -> None:
    with pytest.raises(UnservableLocationError, match="container_context: docker"):
        started({"docker": wanted})
