"""Certificates are read where somebody shows one, and nobody is trusted without."""

from __future__ import annotations

import ssl

import pytest

from dagstead.client.certificates import certificates_for


@pytest.mark.parametrize(
    ("url", "proxy", "are_read"),
    [
        ("https://plane.test", "", True),
        ("HTTPS://plane.test", "", True),
        ("http://plane.test", "", False),
        ("http://plane.test", "http://proxy.test:3128", False),
        ("http://plane.test", "proxy.test:3128", False),
        ("http://plane.test", "https://proxy.test:3128", True),
    ],
)
def test_they_are_read_where_a_server_or_a_proxy_shows_one(
    monkeypatch: pytest.MonkeyPatch, url: str, proxy: str, *, are_read: bool
) -> None:
    monkeypatch.setenv("http_proxy", proxy)

    trusted = certificates_for(url)

    assert bool(trusted.cert_store_stats()["x509_ca"]) is are_read
    assert trusted.verify_mode is ssl.CERT_REQUIRED
    assert trusted.check_hostname
