"""The text of tokens: what secret scanners find, and what is refused as it stands."""

from __future__ import annotations

import re
import string

import pytest

from dagstead.plane.token_texts import PATTERN, is_damaged, new_part
from dagstead.plane.tokens import TokenKind, is_of_agents, is_of_worker, new_secret
from tests.support.environments import REPOSITORY

#: Made once, by what the documentation says: the form of tokens must not change.
KNOWN = "user:dagstead:dagstead_" + "0" * 33 + "064L3x"


@pytest.mark.parametrize("kind", list(TokenKind))
def test_a_token_is_found_by_the_pattern_and_is_whole(kind: TokenKind) -> None:
    texts = {new_secret(kind, "our-org") for _ in range(200)}
    assert len(texts) == 200
    for text in texts:
        # Agents read three parts.
        assert text.split(":")[:2] == [str(kind), "our-org"]
        found = re.search(rf"\b{PATTERN}\b", f"TOKEN='{text}'")
        assert found
        assert not is_damaged(text)
        assert not is_damaged(found[0])
    assert is_of_agents(text) == (kind not in {TokenKind.USER, TokenKind.METRICS})
    assert is_of_worker(text) == (kind is TokenKind.WORKER)


def test_a_token_of_this_form_stays_valid() -> None:
    assert not is_damaged(KNOWN)


def test_every_damage_shows() -> None:
    whole = new_secret(TokenKind.AGENT, "dagstead")
    prefix, part = whole[: -len(new_part())] + "dagstead_", whole.rpartition("_")[2]
    changed = [
        prefix + part[:at] + other + part[at + 1 :]
        for at in range(len(part))
        for other in string.ascii_letters + string.digits + "-_ \n"
        if other != part[at]
    ]
    swapped = [
        prefix + part[:at] + part[at + 1] + part[at] + part[at + 2 :]
        for at in range(len(part) - 1)
        if part[at] != part[at + 1]
    ]
    cut = [whole[:end] for end in range(len(prefix), len(whole))]
    longer = [whole + each for each in ("0", "x", " ", "\n", "dagstead_")]
    assert [each for each in (*changed, *swapped, *cut, *longer) if not is_damaged(each)] == []


@pytest.mark.parametrize(
    "text",
    ["", "agent:dagstead:" + "0f" * 24, "agent:dagstead:secret", "x", "dagstead", "user::"],
)
def test_tokens_of_earlier_versions_are_for_the_store_to_know(text: str) -> None:
    assert not is_damaged(text)


def test_the_documentation_has_the_pattern() -> None:
    page = (REPOSITORY / "docs" / "guides" / "tokens.md").read_text(encoding="utf-8")
    assert PATTERN in page
