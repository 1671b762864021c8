"""Tokens of CI jobs: whose they are for ever, what started the job, and that they work once."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from dagstead.control.actor import COMMAND_LINE, SYSTEM
from dagstead.plane.ci_logins import NewPins
from dagstead.plane.trail import TrailFilter
from dagstead.plane.trust import JobFilter, JobGrant, NewPolicy, Provider
from tests.support.oidc_issuer import OidcIssuer
from tests.unit.server.conftest import Plane
from tests.unit.server.oidc_jobs import PROD, claims, log_in, trust

pytestmark = pytest.mark.usefixtures("no_policies")

BRANCHES = JobGrant(deployments=frozenset(), branch_deployments=True, locations=None)


def rows(plane: Plane) -> list[Any]:
    """Those of the trail, the oldest first, with what was counted until now."""
    plane.control.trail.write_down(SYSTEM, all_of_them=True)
    return [row.said for row in plane.store.trail.find(TrailFilter(limit=10_000))][::-1]


def pinned(plane: Plane, issuer: OidcIssuer) -> dict[str, str]:
    """Numbers by path."""
    every = plane.control.trust.pins(SYSTEM)
    return {pin.path: pin.number for pin in every if pin.issuer == issuer.url}


def test_the_first_login_pins_the_numbers_and_others_are_refused(
    plane: Plane, client: httpx.Client, github: OidcIssuer
) -> None:
    trust(plane, github, repository="one/repo", branch="main")
    own = {"repository": "one/repo", "repository_owner": "one", "repository_owner_id": "1"}

    def log_in_as(**changes: Any) -> httpx.Response:
        return log_in(client, github.sign(claims(plane, github, **{**own, **changes})))

    assert log_in_as(ref="refs/heads/other", repository_id="9").status_code == 403
    # What fits no policy pins nothing.
    assert "one/repo" not in pinned(plane, github)
    assert log_in_as(repository_id="5").status_code == 200
    assert log_in_as(repository_id=5).status_code == 200
    again = log_in_as(repository_id="6")
    sold = log_in_as(repository_id="6", repository_owner_id="2")
    unsigned = log_in_as(repository_id=None)

    assert [each.status_code for each in (again, sold, unsigned)] == [403] * 3
    assert "repository_id of 'one/repo' was 5 at first, and is 6 now" in again.json()["error"]
    command = f"dagstead trust pin --issuer {github.url} --repository one/repo --id 6 --owner-id"
    assert f"`{command} 1`" in again.json()["error"]
    assert "repository_owner_id of 'one' was 1 at first, and is 2 now" in sold.json()["error"]
    assert "was 5 at first, and this token has none" in unsigned.json()["error"]
    assert pinned(plane, github)["one/repo"] == "5"

    new = NewPins(issuer=github.url, repository="one/repo", number="6")
    plane.control.trust.pin(SYSTEM, new, loopback=True)
    assert log_in_as(repository_id="6").status_code == 200
    assert log_in_as(repository_id="5").status_code == 403


def test_the_owner_of_all_its_repositories_is_pinned(
    plane: Plane, client: httpx.Client, github: OidcIssuer
) -> None:
    trust(plane, github, repository="two/*", branch="main")

    def log_in_as(repository: str, owner_id: str) -> httpx.Response:
        said = {"repository": repository, "repository_id": repository, "repository_owner": "two"}
        return log_in(
            client, github.sign(claims(plane, github, **said, repository_owner_id=owner_id))
        )

    assert log_in_as("two/a", "1").status_code == 200
    assert log_in_as("two/b", "2").status_code == 403
    assert log_in_as("two/b", "1").status_code == 200
    assert pinned(plane, github).keys() >= {"two", "two/a", "two/b"}


def test_the_numbers_of_gitlab_are_those_of_the_project_and_its_group(
    plane: Plane, client: httpx.Client, github: OidcIssuer
) -> None:
    new = NewPolicy(
        issuer=github.url,
        provider=Provider.GITLAB,
        wanted=JobFilter(repository="data/team/etl", branch="main", claims={}),
        allowed=PROD,
    )
    plane.control.trust.add(SYSTEM, new, loopback=True)

    def log_in_as(**numbers: str) -> httpx.Response:
        job = claims(plane, github, project_path="data/team/etl", ref_path="refs/heads/main")
        job |= {"namespace_path": "data/team", "pipeline_source": "push"}
        # Longer than a job of GitHub may take.
        return log_in(client, github.sign({**job, "exp": job["iat"] + 7200, **numbers}))

    assert log_in_as(project_id="3", namespace_id="30").status_code == 200
    other = log_in_as(project_id="3", namespace_id="31")
    assert "namespace_id of 'data/team' was 30 at first" in other.json()["error"]
    assert {"data/team", "data/team/etl"} <= pinned(plane, github).keys()


@pytest.mark.parametrize(
    "event", ["pull_request_target", "workflow_run", "issue_comment", "discussion"]
)
def test_what_outsiders_start_is_refused_unless_a_policy_names_it(
    plane: Plane, client: httpx.Client, github: OidcIssuer, event: str
) -> None:
    trust(plane, github)
    trust(plane, github, BRANCHES, any_ref=True)
    trust(plane, github, any_ref=True, claims={"event_name": "*"})

    def answer() -> httpx.Response:
        return log_in(client, github.sign(claims(plane, github, event_name=event)))

    refused = answer()
    assert refused.status_code == 403
    # A pattern that fits everything names nothing.
    assert refused.json()["error"].count(f"only `--claim event_name={event}` takes it") == 3
    policy = trust(plane, github, any_ref=True, claims={"event_name": event})
    assert answer().status_code == 200
    plane.control.trust.remove(SYSTEM, policy.id)
    assert answer().status_code == 403


@pytest.mark.parametrize(
    ("provider", "minutes", "status"),
    [
        (Provider.GITHUB, 30, 200),
        (Provider.GITHUB, 31, 401),
        (Provider.GITHUB, 365 * 24 * 60, 401),
        (Provider.GITLAB, 24 * 60, 200),
        (Provider.GITLAB, 24 * 60 + 1, 401),
    ],
)
def test_a_token_that_lives_too_long_is_refused(
    plane: Plane,
    client: httpx.Client,
    github: OidcIssuer,
    provider: Provider,
    minutes: int,
    status: int,
) -> None:
    new = NewPolicy(
        issuer=github.url,
        provider=provider,
        wanted=JobFilter(repository="org/repo", branch="main", claims={}),
        allowed=PROD,
    )
    plane.control.trust.add(SYSTEM, new, loopback=True)
    job = claims(plane, github, project_path="org/repo", ref_path="refs/heads/main")
    job |= {"project_id": "74", "namespace_path": "org", "namespace_id": "65"}

    answer = log_in(client, github.sign({**job, "exp": job["iat"] + minutes * 60}))

    assert answer.status_code == status, answer.text
    assert status == 200 or f"valid for {minutes} minutes, and" in answer.json()["error"]


@pytest.mark.parametrize("jti", ["a-number", None, ""])
def test_a_token_is_exchanged_once(
    plane: Plane, client: httpx.Client, github: OidcIssuer, jti: object
) -> None:
    trust(plane, github)
    name = "" if jti is None else f"-{jti}"
    said = claims(plane, github, jti=jti, run=f"one{name}")
    text = github.sign(said)
    # Somebody else's attempt does not use it up.
    assert log_in(client, text, "staging").status_code == 403
    assert log_in(client, text).status_code == 200

    again = log_in(client, text)
    assert again.status_code == 401
    assert "was exchanged before, and each is exchanged once" in again.json()["error"]
    if jti:
        # The number counts, not the text.
        assert log_in(client, github.sign({**said, "run": "two"})).status_code == 401
    assert log_in(client, github.sign(claims(plane, github))).status_code == 200


def test_what_other_claims_of_a_number_say_is_no_number(
    plane: Plane, client: httpx.Client, github: OidcIssuer
) -> None:
    trust(plane, github, repository="three/repo", branch="main")
    odd = claims(plane, github, repository="three/repo", repository_owner="three")
    odd |= {"repository_id": ["1"], "repository_owner_id": True}

    assert log_in(client, github.sign(odd)).status_code == 200
    assert not {"three", "three/repo"} & pinned(plane, github).keys()


def test_jobs_of_a_repository_log_in_only_so_often(
    plane: Plane, client: httpx.Client, github: OidcIssuer
) -> None:
    trust(plane, github, repository="four/*", branch="main")

    def answer(repository: str) -> httpx.Response:
        said = claims(plane, github, repository=repository, repository_owner="four")
        return log_in(client, github.sign(said, key_id="fast", algorithm="ES256"))

    github.new_key("fast", curve=True)
    codes = [answer("four/busy").status_code for _ in range(301)]

    assert codes == [200] * 300 + [429]
    assert int(answer("four/busy").headers["Retry-After"]) >= 10
    assert answer("four/other").status_code == 200


def test_logins_are_in_the_trail_with_what_they_grant_and_those_that_are_refused(
    plane: Plane, client: httpx.Client, github: OidcIssuer
) -> None:
    trust(plane, github, repository="five/repo", branch="main")
    before = len(rows(plane))

    def log_in_as(**changes: Any) -> httpx.Response:
        said = {"repository": "five/repo", "repository_owner": "five", **changes}
        answer = log_in(client, github.sign(claims(plane, github, **said)))
        rows(plane)
        return answer

    assert log_in_as(ref="refs/heads/other").status_code == 403
    assert log_in_as(repository_id="5").status_code == 200
    assert log_in_as(repository_id="6").status_code == 403
    new = NewPins(issuer=github.url, repository="five/repo", number="6")
    plane.control.trust.pin(COMMAND_LINE, new, loopback=True)

    stranger, job, other, pin = rows(plane)[before:]
    assert [row["result"] for row in (stranger, job, other)] == ["refused", "done", "refused"]
    assert [row["act"] for row in (stranger, job, other)] == ["trust.exchange"] * 3
    assert [row["who"]["address"] for row in (stranger, job, other)] == ["127.0.0.1"] * 3
    assert stranger["who"]["kind"] == "nobody"
    assert job["who"]["name"] == other["who"]["name"] == "CI job of five/repo"
    assert job["after"]["role"] == "editor"
    assert "is 6 now" in other["reason"]
    path = f"five/repo at {github.url}"
    assert (pin["act"], pin["before"], pin["after"]) == ("trust.pin", {path: "5"}, {path: "6"})
