"""User code in a container: what it reaches in the networks of ``compose.yaml``.

Code servers of official agents execute what anybody who reaches them asks for, and a database has
nothing but its password.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

COMPOSE = Path(__file__).resolve().parents[2] / "compose.yaml"
POOLS = ("pool", "branch-pool")
#: User code is in containers beside these, with a network and a fence of their own
#: (tests/containers/test_docker_tenants.py).
ON_THE_HOST = ("docker-pool", "docker-branch-pool")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    for name in ON_THE_HOST:
        assert found.pop(name)["network_mode"] == "host"
    return found


@pytest.mark.parametrize("service", POOLS)
def test_a_pool_reaches_the_web_server_and_nothing_else(
    services: dict[str, Any], service: str
) -> None:
    own = set(services[service]["networks"])
    assert len(own) == 1
    near = {name for name, other in services.items() if own & set(other["networks"])}
    assert near == {service, "web"}
    # Where no network is named, it is the common one.
    assert all(other.get("networks") for other in services.values())
    assert not any("network_mode" in other for other in services.values())


@pytest.mark.parametrize("service", ON_THE_HOST)
def test_a_pool_on_the_host_has_neither_the_database_nor_the_control_planes_files(
    service: str,
) -> None:
    found = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"][service]

    assert not [name for name in found["environment"] if "DATABASE" in name]
    volumes = [each.split(":")[0] for each in found["volumes"]]
    assert volumes == [service, "/var/run/docker.sock"]
    assert not found.get("privileged")


@pytest.mark.parametrize("service", [*POOLS, "agent"])
def test_what_runs_user_code_has_no_address_of_the_database(
    services: dict[str, Any], service: str
) -> None:
    assert "DAGSTEAD_DATABASE" not in services[service]["environment"]
    assert not set(services["postgres"]["networks"]) & set(services[service]["networks"])


def test_only_the_control_plane_reaches_the_registry_which_asks_for_no_login(
    services: dict[str, Any],
) -> None:
    (network,) = services["registry"]["networks"]
    near = {name for name, other in services.items() if network in other["networks"]}
    assert near == {"registry", "web", "daemon"}
    assert "ports" not in services["registry"]
