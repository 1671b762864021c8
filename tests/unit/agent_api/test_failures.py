"""What an agent gets when an endpoint fails: a reference, or the news that the store is away."""

from __future__ import annotations

import errno
import json

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from dagstead.agent_api.rest import unexpected_response
from dagstead.errors import StoreAwayError


class DriverError(Exception):
    """What a driver of Postgres raises, with the server's code if it gave one."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("at host secret")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    "error",
    [ValueError("the password is 1234"), IntegrityError("INSERT", {}, DriverError("23505"))],
)
def test_a_fault_of_ours_is_a_reference_and_final(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    answer = unexpected_response(error)
    message = json.loads(bytes(answer.body))["errors"][0]["message"]
    assert answer.status_code == 500
    assert "retry-after" not in answer.headers
    assert message.split()[-1].rstrip(".") in caplog.text
    assert "1234" not in message


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("SELECT", {}, DriverError("57P01")),
        OSError(errno.ENOSPC, "No space left on device"),
    ],
)
def test_a_store_away_is_left_to_the_server(error: Exception) -> None:
    with pytest.raises(StoreAwayError) as caught:
        unexpected_response(error)
    assert "secret" not in caught.value.message
    assert caught.value.__cause__ is error
