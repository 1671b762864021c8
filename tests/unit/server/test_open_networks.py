"""Networks that may read metrics without a token: none by default, and no more than those."""

from __future__ import annotations

from typing import Any

import pytest

from dagstead.errors import ConfigurationError
from dagstead.server.metrics.networks import OpenNetworks
from dagstead.server.settings_sources import load_settings


def scope(
    host: str = "10.20.1.2", port: int = 4711, path: str = "/metrics", **headers: str
) -> dict[str, Any]:
    return {
        "type": "http",
        "path": path,
        "client": (host, port),
        "headers": [
            (name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()
        ],
    }


def test_none_is_open_by_default() -> None:
    networks = OpenNetworks.of(load_settings({}, environment={}).settings.metrics_networks)
    assert not networks.let_in(scope("127.0.0.1"))
    assert not networks.let_in(scope("::1"))


@pytest.mark.parametrize("host", ["10.20.1.2", "::ffff:10.20.1.2", "fd00::7"])
def test_callers_of_a_network_are_let_in(host: str) -> None:
    assert OpenNetworks.of("10.20.0.0/16, fd00::/8").let_in(scope(host))


@pytest.mark.parametrize(
    "other",
    [
        scope("10.21.0.1"),
        scope("unknown"),
        scope("10.20.1.2", path="/api/queues/scale"),
        scope("10.20.1.2", path="/metrics/"),
        # A proxy in that network, which this server does not trust, asks for somebody else.
        scope(x_forwarded_for="203.0.113.9"),
        scope(forwarded="for=10.20.1.2"),
        scope(x_real_ip="10.20.1.2"),
    ],
)
def test_others_are_not(other: dict[str, Any]) -> None:
    assert not OpenNetworks.of("10.20.0.0/16").let_in(other)


def test_behind_a_proxy_that_is_trusted_the_caller_counts() -> None:
    # uvicorn has put the caller's address in the place of the proxy's, and knows no port of it.
    networks = OpenNetworks.of("10.20.0.0/16")
    assert networks.let_in(scope(port=0, x_forwarded_for="10.20.1.2"))
    assert not networks.let_in(scope("203.0.113.9", port=0, x_forwarded_for="203.0.113.9"))


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="must be networks such as"):
        load_settings({"metrics_networks": "10.20.0.1/16"}, environment={})
