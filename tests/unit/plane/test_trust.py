"""Policies of trust: which jobs fit, and which policies nobody can mean."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagstead.errors import InvalidInputError
from dagstead.plane.trust import (
    JobFilter,
    JobGrant,
    Policy,
    Provider,
    check_issuer,
    check_minutes,
    claims_of,
    fits,
)

WANTED = JobFilter(repository="org/repo", branch="main", claims={})
TEXTS = st.text(st.characters(exclude_characters="*"))


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("main", "main", True),
        ("main", "main2", False),
        ("main", "Main", False),
        ("main", None, False),
        ("refs/heads/*", "refs/heads/main", True),
        ("refs/heads/*", "refs/heads/feature/x", False),
        ("refs/heads/**", "refs/heads/feature/x", True),
        ("refs/heads/release-*", "refs/heads/release-1", True),
        ("refs/heads/*", "refs/pull/1/merge", False),
        ("org/*", "org/repo", True),
        ("org/*", "organisation/repo", False),
        ("v1.0", "v1x0", False),
        ("*", "", True),
    ],
)
def test_wildcards_mean_what_the_help_says(
    pattern: str, value: str | None, expected: object
) -> None:
    assert fits(pattern, value) is expected


@given(TEXTS)
def test_a_text_without_wildcards_fits_itself(text: str) -> None:
    assert fits(text, text)


@given(TEXTS, TEXTS)
def test_and_nothing_else(text: str, other: str) -> None:
    assert fits(text, other) is (text == other)


def test_a_branch_is_the_whole_ref_in_each_provider_s_claim() -> None:
    assert claims_of(Provider.GITHUB, WANTED) == {
        "repository": "org/repo",
        "ref": "refs/heads/main",
    }
    assert claims_of(Provider.GITLAB, WANTED) == {
        "project_path": "org/repo",
        "ref_path": "refs/heads/main",
    }
    tagged = replace(WANTED, branch=None, tag="v*", claims={"event_name": "push"})
    assert claims_of(Provider.GITHUB, tagged) == {
        "repository": "org/repo",
        "ref": "refs/tags/v*",
        "event_name": "push",
    }


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"repository": "*/repo"}, "an owner that is written out"),
        ({"repository": "**"}, "an owner that is written out"),
        ({"repository": "repo"}, "an owner that is written out"),
        ({"repository": "o*/repo"}, "an owner that is written out"),
        ({"branch": None}, "Which jobs of the repository"),
        ({"tag": "v1"}, "Make two policies"),
        ({"any_ref": True}, "contradict each other"),
        ({"claims": {"aud": "x"}}, "always checked"),
    ],
)
def test_a_policy_that_trusts_more_than_is_meant_is_refused(
    changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidInputError, match=says):
        claims_of(Provider.GITHUB, replace(WANTED, **changes))


@pytest.mark.parametrize(
    ("address", "loopback", "fine"),
    [
        ("https://gitlab.example.com", False, True),
        ("https://ghes.example.com/_services/token", False, True),
        ("http://gitlab.example.com", True, False),
        ("http://127.0.0.1:8000", True, True),
        ("http://127.0.0.1:8000", False, False),
        ("http://127.0.0.1.example.com", True, False),
        ("https://me@example.com", False, False),
        ("https://example.com?x=1", False, False),
        ("ftp://example.com", True, False),
        ("githb", False, False),
    ],
)
def test_an_issuer_is_asked_over_tls(address: str, loopback: object, fine: object) -> None:
    if fine:
        assert check_issuer(address + "/", loopback=bool(loopback)) == address
    else:
        with pytest.raises(InvalidInputError, match="cannot be an issuer"):
            check_issuer(address, loopback=bool(loopback))


@pytest.mark.parametrize("minutes", [0, -1, 121])
def test_a_token_of_ci_lives_minutes(minutes: int) -> None:
    with pytest.raises(InvalidInputError, match="1 to 120 minutes"):
        check_minutes(minutes)


def test_what_does_not_fit_is_said_claim_by_claim() -> None:
    policy = Policy(
        id=1,
        provider=Provider.GITHUB,
        issuer=Provider.GITHUB.issuer,
        claims={"repository": "org/repo", "ref": "refs/heads/main", "environment": "prod"},
        allowed=JobGrant(deployments=frozenset({"prod"}), branch_deployments=False, locations=None),
        created_at=0,
    )
    claims = {"repository": "org/repo", "ref": "refs/heads/x", "run_attempt": 1}

    assert [str(each) for each in policy.mismatches(claims)] == [
        "environment must be 'prod', which it lacks",
        "ref must be 'refs/heads/main', and it is 'refs/heads/x'",
    ]
    assert policy.is_about(claims)
    assert not policy.is_about({"repository": ["org/repo"]})
    assert not policy.mismatches(claims | {"ref": "refs/heads/main", "environment": "prod"})
