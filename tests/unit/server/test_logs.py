from __future__ import annotations

import logging

import pytest

from dagstead.plane.tokens import TokenKind, new_secret
from dagstead.server.logs import RedactingFormatter, redact


@pytest.mark.parametrize("kind", list(TokenKind))
def test_no_token_reaches_a_log(kind: TokenKind) -> None:
    secret = new_secret(kind, "our-org")
    assert redact(f"header {secret} came") == f"header {kind}:our-org:*** came"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET /blobs/a?method=GET&signature=0aF9&expires=1", "signature=***&expires=1"),
        ("dagstead_session=7.2.abc; other=1", "dagstead_session=***; other=1"),
        ("postgresql://me:pa:ss@db/plane", "postgresql://me:***@db/plane"),
    ],
)
def test_no_other_secret_does(text: str, shown: str) -> None:
    assert redact(text).endswith(shown)


def test_ordinary_text_stays() -> None:
    text = "2026-01-01 12:00:00 POST http://127.0.0.1:3000/prod/graphql user: ada"
    assert redact(text) == text


def test_a_traceback_is_redacted_too() -> None:
    secret = new_secret(TokenKind.USER, "dagstead")
    with pytest.raises(ValueError, match="invalid literal") as failed:
        int(secret)
    traceback = (failed.type, failed.value, failed.tb)
    record = logging.LogRecord("a", logging.ERROR, "f", 1, "failed", None, traceback)
    shown = RedactingFormatter("%(message)s").format(record)
    assert "ValueError: invalid literal for int() with base 10: 'user:dagstead:***'" in shown
    assert secret not in shown
