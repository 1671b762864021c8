"""CI logs in with its provider's token: what is accepted, what is refused, and what comes of it."""

from __future__ import annotations

import base64
import json
import logging
import socket
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from joserfc.jwk import OctKey, RSAKey

from dagstead.plane.trust import JobGrant
from dagstead.server.oidc import OIDC_PATH
from dagstead.testing import eventually
from tests.support.oidc_issuer import OidcIssuer
from tests.unit.server.conftest import Plane
from tests.unit.server.oidc_jobs import claims, graphql, log_in, trust

pytestmark = pytest.mark.usefixtures("no_policies")


def test_a_job_that_a_policy_fits_gets_a_token_of_minutes(
    plane: Plane, client: httpx.Client, github: OidcIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    trust(plane, github)
    text = github.sign(claims(plane, github))
    with caplog.at_level(logging.DEBUG):
        answer = log_in(client, text)
    given = answer.json()

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert given["deployments"] == ["prod"]
    assert given["name"] == "ci org/repo refs/heads/main"
    assert given["expires_at"] == plane.clock() + 15 * 60
    assert given["expires_in"] == 15 * 60
    version = graphql(client, given["token"], "prod", "{ version }")
    assert version.json()["data"]["version"]
    assert graphql(client, given["token"], "staging", "{ version }").status_code == 403
    # Neither token is in a log, whole or by its signature.
    assert given["token"] not in caplog.text
    assert text.rsplit(".", maxsplit=1)[-1] not in caplog.text

    plane.clock.advance(15 * 60)
    late = graphql(client, given["token"], "prod", "{ version }")
    assert late.status_code == 401
    assert "has expired. Get a new one with `dagstead login`." in late.text


def test_a_key_of_a_curve_and_a_list_of_audiences_are_fine(
    plane: Plane, client: httpx.Client, github: OidcIssuer
) -> None:
    trust(plane, github)
    github.new_key("curve", curve=True)
    said = claims(plane, github, aud=["https://elsewhere.example.com", plane.settings.base_url])

    answer = log_in(client, github.sign(said, key_id="curve", algorithm="ES256"))

    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("changes", "status", "says"),
    [
        ({"exp": 1}, 401, "has expired"),
        ({"exp": None}, 401, "no claim 'exp'"),
        ({"iat": None}, 401, "no claim 'iat'"),
        ({"exp": "soon"}, 401, "claim 'exp'"),
        ({"nbf": 1 << 40}, 401, "claim 'nbf'"),
        ({"iat": 1 << 40}, 401, "claim 'iat'"),
        ({"aud": "https://github.com/org"}, 401, "Ask for it with that audience"),
        ({"aud": None}, 401, "no claim 'aud'"),
        ({"iss": "https://evil.example.com"}, 401, "No trust policy names the issuer"),
        ({"iss": None}, 401, "No trust policy names the issuer ''"),
        ({"repository": "org/other"}, 403, "No trust policy is for repository 'org/other'"),
        ({"repository": "ORG/repo"}, 403, "No trust policy is for repository 'ORG/repo'"),
        ({"repository": None}, 403, "No trust policy is for repository None"),
        (
            {"ref": "refs/heads/feature"},
            403,
            "ref must be 'refs/heads/main', and it is 'refs/heads/feature'",
        ),
        ({"ref": "refs/pull/1/merge"}, 403, "and it is 'refs/pull/1/merge'"),
        ({"ref": None}, 403, "ref must be 'refs/heads/main', which it lacks"),
        ({"ref": ["refs/heads/main"]}, 403, "which it lacks"),
    ],
)
def test_every_claim_counts(
    plane: Plane,
    client: httpx.Client,
    github: OidcIssuer,
    changes: Mapping[str, Any],
    status: int,
    says: str,
) -> None:
    trust(plane, github)
    before = len(plane.store.tokens.all())

    answer = log_in(client, github.sign(claims(plane, github, **changes)))

    assert answer.status_code == status, answer.text
    assert says in answer.json()["error"]
    assert len(plane.store.tokens.all()) == before


def test_a_signature_that_is_not_the_issuer_s_is_refused(
    plane: Plane, client: httpx.Client, github: OidcIssuer
) -> None:
    trust(plane, github)
    said = claims(plane, github)
    public = json.dumps(github.keys["first"].as_dict(private=False))
    forged = {
        "another key of the same name": github.sign(
            said, key=RSAKey.generate_key(2048, parameters={"kid": "first"})
        ),
        "a secret that is the public key": github.sign(
            said, key=OctKey.import_key(public), algorithm="HS256"
        ),
        "no signature": _unsigned(said),
        "another algorithm": github.sign(said, algorithm="RS512"),
        "changed afterwards": _changed(github.sign(said), {**said, "ref": "refs/heads/x"}),
    }

    answers = {name: log_in(client, text) for name, text in forged.items()}

    assert {name: each.status_code for name, each in answers.items()} == dict.fromkeys(forged, 401)
    for each in answers.values():
        assert "is not signed by" in each.json()["error"]


def _part(value: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _unsigned(said: Mapping[str, Any]) -> str:
    return f"{_part({'alg': 'none', 'kid': 'first'})}.{_part(said)}."


def _changed(text: str, said: Mapping[str, Any]) -> str:
    header, _, signature = text.split(".")
    return f"{header}.{_part(said)}.{signature}"


@pytest.mark.parametrize(
    "text", ["x", "a.b.c", "..", "e30.e30.e30", "W10.W10.", "é.é.é", "a" * 9000]
)
def test_what_is_no_token_is_refused_without_asking_anybody(
    plane: Plane, client: httpx.Client, github: OidcIssuer, text: str
) -> None:
    trust(plane, github)
    asked = len(github.requests)

    assert log_in(client, text).status_code == 401
    assert len(github.requests) == asked


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b'{"token": 1}', 400),
        (b'{"token": "x", "deployment": 1}', 400),
        (b"[" * 9000, 400),
        (b'{"token": "' + b"x" * 20000 + b'"}', 413),
    ],
)
def test_a_body_of_another_form_is_refused(
    client: httpx.Client, content: bytes, status: int
) -> None:
    answer = client.post(OIDC_PATH, content=content)

    assert answer.status_code == status
    assert answer.json()["error"]


def test_whoever_fails_too_often_is_asked_to_wait_and_others_are_let_in(
    plane: Plane, client: httpx.Client, github: OidcIssuer
) -> None:
    trust(plane, github)
    answers = [log_in(client, "x") for _ in range(121)]

    assert [each.status_code for each in answers] == [401] * 120 + [429]
    assert int(answers[-1].headers["Retry-After"]) >= 10
    # Behind a proxy, all have the same address.
    assert log_in(client, github.sign(claims(plane, github))).status_code == 200
    assert log_in(client, "x").status_code == 429
    plane.clock.advance(61)
    assert log_in(client, "x").status_code == 401


def test_a_silent_issuer_delays_nobody_else(
    plane: Plane, client: httpx.Client, github: OidcIssuer
) -> None:
    trust(plane, github)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        ThreadPoolExecutor(max_workers=40) as jobs,
    ):
        trust(plane, SilentIssuer(silent))
        text = github.sign({**claims(plane, github), "iss": SilentIssuer(silent).url})
        waiting = [jobs.submit(log_in, client, text) for _ in range(40)]
        eventually(lambda: any(each.done() for each in waiting), 9, "more than may wait")

        began = time.monotonic()
        assert log_in(client, github.sign(claims(plane, github))).status_code == 200
        assert time.monotonic() - began < 3
        # Those who wait hear that there is nothing to be had; and so does, at once, who comes now.
        statuses = {each.result(60).status_code for each in waiting}
        began = time.monotonic()
        assert log_in(client, text).status_code == 424
        assert time.monotonic() - began < 3
    assert statuses == {424, 429}


class SilentIssuer:
    """It takes connections, and says nothing."""

    def __init__(self, listener: socket.socket) -> None:
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_keys_are_kept_and_asked_for_again_when_there_is_a_new_one(
    plane: Plane, client: httpx.Client, github: OidcIssuer
) -> None:
    trust(plane, github)
    assert log_in(client, github.sign(claims(plane, github))).status_code == 200
    asked = len(github.requests)
    assert log_in(client, github.sign(claims(plane, github))).status_code == 200
    assert len(github.requests) == asked

    github.new_key("rolled")
    plane.clock.advance(61)
    rolled = github.sign(claims(plane, github), key_id="rolled")
    assert log_in(client, rolled).status_code == 200

    # Keys that are made up do not make us ask all the time.
    asked = len(github.requests)
    made_up = github.sign(claims(plane, github), key_id="none", key=github.keys["first"])
    for _ in range(5):
        assert log_in(client, made_up).status_code == 401
    assert len(github.requests) == asked


@pytest.mark.parametrize(
    "about",
    [
        {"issuer": "https://evil.example.com", "jwks_uri": "https://evil.example.com/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "http://keys.example.com/"},
        {"issuer": 1},
        {"jwks_uri": "{url}/nothing"},
        {"jwks_uri": "{url}/.well-known/openid-configuration"},
    ],
)
def test_an_issuer_that_answers_oddly_gives_no_token(
    plane: Plane, client: httpx.Client, about: dict[str, Any]
) -> None:
    with OidcIssuer() as odd:
        odd.new_key("first")
        whole = {"issuer": odd.url, "jwks_uri": f"{odd.url}/keys", **about}
        odd.about = {
            name: each.replace("{url}", odd.url) if isinstance(each, str) else each
            for name, each in whole.items()
        }
        trust(plane, odd)
        answer = log_in(client, odd.sign(claims(plane, odd)))

    assert answer.status_code == 424
    assert f"The keys of {odd.url} could not be fetched" in answer.json()["error"]


def test_an_issuer_that_is_away_is_said_so(plane: Plane, client: httpx.Client) -> None:
    with OidcIssuer() as away:
        away.new_key("first")
        trust(plane, away)
        text = away.sign(claims(plane, away))

    answer = log_in(client, text)

    assert answer.status_code == 424
    assert "could not be fetched" in answer.json()["error"]


def test_the_policy_that_grants_the_deployment_is_chosen(
    plane: Plane, client: httpx.Client, github: OidcIssuer
) -> None:
    trust(plane, github)
    staging = JobGrant(deployments=frozenset({"staging"}), branch_deployments=False, locations=None)
    trust(plane, github, staging, branch="*")

    def text() -> str:
        return github.sign(claims(plane, github))

    assert log_in(client, text()).json()["deployments"] == ["prod"]
    assert log_in(client, text(), "staging").json()["deployments"] == ["staging"]
    refused = log_in(client, text(), "nowhere")
    assert refused.status_code == 403
    assert "does not grant deployment 'nowhere'. It grants: prod" in refused.json()["error"]
