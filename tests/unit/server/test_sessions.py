from __future__ import annotations

import pytest

from dagstead.errors import UnauthenticatedError
from dagstead.plane.tokens import TokenKind
from dagstead.server.sessions import Sessions
from dagstead.testing.clock import ManualClock
from tests.support.tokens import token_of

TOKEN = token_of(TokenKind.USER, id=7, name="ada", branch_deployments=True)


@pytest.fixture
def sessions(clock: ManualClock) -> Sessions:
    return Sessions(signing_key=b"key", clock=clock, days=30)


def test_a_cookie_stands_for_its_token_until_it_ends(
    sessions: Sessions, clock: ManualClock
) -> None:
    cookie = sessions.issue(TOKEN)
    clock.advance(30 * 86400 - 1)
    assert sessions.token_id(cookie) == 7
    clock.advance(2)
    with pytest.raises(UnauthenticatedError, match="expired"):
        sessions.token_id(cookie)


def test_an_altered_cookie_is_refused(sessions: Sessions) -> None:
    cookie = sessions.issue(TOKEN)
    _, expires, mac = cookie.split(".")
    foreign = Sessions(signing_key=b"other", clock=sessions.clock, days=30).issue(TOKEN)
    for forged in ("", ".", "é.ü.ö", f"8.{expires}.{mac}", f"7.{expires}9.{mac}", foreign):
        with pytest.raises(UnauthenticatedError, match="did not issue the sign-in cookie"):
            sessions.token_id(forged)
