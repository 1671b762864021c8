"""Signed addresses that were altered, have expired, or are used for something else."""

from __future__ import annotations

import pytest

from tests.unit.agent_api.conftest import Wire
from tests.unit.agent_api.refusals import (
    refused,
    shown,
)


def _address(wire: Wire) -> str:
    answer = wire.call("POST", "/gen_artifact_post", json={"key": "kept"})
    url: str = answer.json()["url"]
    return url


#: What is replaced in a signed address, and by what.
ALTERATIONS = [
    ("/kept", "/other"),
    ("/prod/", "/staging/"),
    ("/artifact/", "/pex/"),
    ("method=POST", "method=GET"),
    ("expires=", "expires=9"),
    ("signature=", "signature=0"),
    ("&signature=", "&nothing="),
    ("?", "?nothing="),
    ("expires=", "expires=nan&x="),
    ("expires=", "expires=" + "9" * 5000),
    ("/kept", "/..%2f..%2fkept"),
    ("/artifact/prod/kept", "/%2e%2e/%2e%2e/etc/passwd"),
    ("/artifact/prod/kept", ""),
    ("signature=", "signature=%C3%A9"),
]


@pytest.mark.parametrize(("old", "new"), ALTERATIONS, ids=shown)
@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
def test_an_altered_address(wire: Wire, old: str, new: str, method: str) -> None:
    address = _address(wire)
    assert old in address
    answer = wire.client.request(method, address.replace(old, new), content=b"x")
    refused(answer, 401, 403)


def test_an_address_for_another_method(wire: Wire) -> None:
    assert "signed for POST, not for GET" in refused(wire.client.get(_address(wire)), 403)


def test_an_expired_address(wire: Wire) -> None:
    address = _address(wire)
    wire.clock.advance(7 * 24 * 3600)
    assert "expired" in refused(wire.client.post(address, files={"file": b"x"}), 403)


def test_a_form_without_the_file(wire: Wire) -> None:
    address = _address(wire)
    refused(wire.client.post(address, files={"another": b"x"}))
    refused(wire.client.post(address, content=b"x"))
    refused(
        wire.client.post(
            address, content=b"--x\r\n", headers={"content-type": "multipart/form-data; boundary=y"}
        )
    )
