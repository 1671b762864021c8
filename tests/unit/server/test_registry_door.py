"""Who gets through the registry's door, where to, and what clients see."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from dagstead.plane.registry import keeping_tag
from dagstead.plane.tokens import Grant, TokenKind
from tests.unit.server.played_registry import Door, basic, opened_door

DIGEST = f"sha256:{'a' * 64}"
MANIFEST = b'{"schemaVersion": 2}'
OF_MANIFEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with opened_door(tmp_path) as door:
        yield door


def error_of(response: httpx.Response) -> tuple[int, str, str]:
    (error,) = response.json()["errors"]
    return response.status_code, error["code"], error["message"]


@pytest.mark.parametrize(
    "header", [None, "Bearer x", "Basic ???", basic("x", ""), "Basic " + "A" * 5, "Basic"]
)
def test_a_client_is_asked_to_log_in(door: Door, header: str | None) -> None:
    headers = {} if header is None else {"authorization": header}

    answer = door.client.get("/v2/", headers=headers)

    assert answer.headers["www-authenticate"] == 'Basic realm="Dagstead"'
    status, code, message = error_of(answer)
    assert (status, code) == (401, "UNAUTHORIZED")
    assert "docker login" in message
    assert door.registry.asked == []


def test_guessed_passwords_are_slowed_down(door: Door) -> None:
    tries = [door.client.get("/v2/", auth=("x", f"guess{number}")) for number in range(4)]

    assert [each.status_code for each in tries] == [401, 401, 401, 429]
    # Others of the same address are let in.
    assert door.client.get("/v2/", auth=door.login()).status_code == 200


def test_a_login_succeeds_when_the_registry_answers(door: Door) -> None:
    assert door.client.get("/v2/", auth=door.login()).json() == {}

    door.registry.answer = lambda _: httpx.Response(401)
    status, code, message = error_of(door.client.get("/v2/", auth=door.login()))
    assert (status, code) == (503, "UNAVAILABLE")
    assert "does not take its credentials" in message


def test_it_goes_to_the_folder_with_our_own_credentials(door: Door) -> None:
    door.registry.answer = lambda _: httpx.Response(
        200, content=b"layer", headers={"docker-content-digest": DIGEST, "x-internal": "secret"}
    )

    answer = door.client.get(f"/v2/prod/blobs/{DIGEST}", auth=door.login())

    assert answer.content == b"layer"
    assert answer.headers["docker-content-digest"] == DIGEST
    assert "x-internal" not in answer.headers
    assert door.registry.last.url == f"http://registry.test:5000/v2/team/prod/blobs/{DIGEST}"
    assert door.registry.last.headers["authorization"] == basic("us", "hunter2")


def test_what_a_client_asks_for_is_passed_on(door: Door) -> None:
    door.registry.answer = lambda _: httpx.Response(206, headers={"content-range": "0-1/9"})
    asked = {"accept": "application/vnd.oci.image.index.v1+json", "range": "bytes=0-1"}

    answer = door.client.get(
        "/v2/prod/manifests/latest", headers={**asked, "cookie": "x=y"}, auth=door.login()
    )

    assert answer.status_code == 206
    assert answer.headers["content-range"] == "0-1/9"
    assert {name: door.registry.last.headers[name] for name in asked} == asked
    assert "cookie" not in door.registry.last.headers


def test_a_head_has_the_length_and_no_body(door: Door) -> None:
    door.registry.answer = lambda _: httpx.Response(200, headers={"content-length": "7"})

    answer = door.client.head(f"/v2/prod/blobs/{DIGEST}", auth=door.login())

    assert (answer.status_code, answer.headers["content-length"]) == (200, "7")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", f"/v2/prod/manifests/{DIGEST}"),
        ("DELETE", f"/v2/prod/blobs/{DIGEST}"),
        ("POST", "/v2/prod/manifests/tag"),
        ("PUT", f"/v2/prod/blobs/{DIGEST}"),
        ("GET", "/v2/_catalog"),
        ("GET", "/v2/prod"),
        ("GET", f"/v2/prod/blobs/{DIGEST}/more"),
    ],
)
def test_nothing_else_is_passed_on(door: Door, method: str, path: str) -> None:
    status, code, _ = error_of(door.client.request(method, path, auth=door.login()))

    assert (status, code) == (405, "UNSUPPORTED")
    assert door.registry.asked == []


@pytest.mark.parametrize("name", ["elsewhere", "staging", "prod/../staging", "Prod", "prod/%2e%2e"])
def test_other_repositories_are_refused(door: Door, name: str) -> None:
    auth = door.login(grant=Grant(deployments=["prod"], branch_deployments=False))
    for method, path in (("GET", f"blobs/{DIGEST}"), ("POST", "blobs/uploads/")):
        status, code, _ = error_of(door.client.request(method, f"/v2/{name}/{path}", auth=auth))
        assert (status, code) in {(403, "DENIED"), (400, "NAME_INVALID")}
    assert door.registry.asked == []


def test_a_pool_pulls_and_never_pushes(door: Door) -> None:
    auth = door.login(TokenKind.POOL)

    assert door.client.get(f"/v2/prod/manifests/{DIGEST}", auth=auth).status_code == 200
    assert error_of(door.client.get("/v2/prod/manifests/tag", auth=auth))[:2] == (403, "DENIED")
    assert error_of(door.client.post("/v2/prod/blobs/uploads/", auth=auth))[:2] == (403, "DENIED")


def test_an_upload_goes_on_where_the_registry_says(door: Door) -> None:
    auth = door.login()

    def answer(where: str, status: int = 202) -> httpx.Response:
        return httpx.Response(status, headers={"location": where, "range": "0-0"})

    door.registry.answer = lambda _: answer("/v2/team/prod/blobs/uploads/1?_state=a%2Bb")
    begun = door.client.post("/v2/prod/blobs/uploads/", auth=auth)
    door.registry.answer = lambda _: answer("https://elsewhere.test/parts/2")
    sent = door.client.patch(begun.headers["location"], content=b"half", auth=auth)
    door.registry.answer = lambda _: answer(f"/v2/team/prod/blobs/{DIGEST}", 201)
    ended = door.client.put(
        f"{sent.headers['location']}&digest={DIGEST}", content=b"half", auth=auth
    )

    assert begun.headers["location"].startswith("/v2/prod/blobs/uploads/")
    assert ended.headers["location"] == f"/v2/prod/blobs/{DIGEST}"
    assert door.registry.paths == [
        "POST /v2/team/prod/blobs/uploads/",
        "PATCH /v2/team/prod/blobs/uploads/1?_state=a%2Bb",
        f"PUT /parts/2?digest=sha256%3A{'a' * 64}",
    ]
    assert [each.content for each in door.registry.asked] == [b"", b"half", b"half"]
    # Somebody else's server does not get our password.
    assert "authorization" not in door.registry.last.headers


def test_an_upload_is_of_its_repository_and_cannot_be_made_up(door: Door) -> None:
    auth = door.login()
    door.registry.answer = lambda _: httpx.Response(
        202, headers={"location": "/v2/team/prod/blobs/uploads/1"}
    )
    where = door.client.post("/v2/prod/blobs/uploads/", auth=auth).headers["location"]
    asked = len(door.registry.asked)

    for path in (
        where.replace("/prod/", "/staging/"),
        f"{where[:-3]}abc",
        "/v2/prod/blobs/uploads/1",
        "/v2/prod/blobs/uploads/next?at=http%3A%2F%2F127.0.0.1%2F",
    ):
        answer = door.client.patch(path, content=b"x", auth=auth)
        assert error_of(answer)[:2] == (404, "BLOB_UPLOAD_UNKNOWN")
    door.clock.advance(25 * 3600)
    assert error_of(door.client.patch(where, auth=auth))[0] == 404
    assert len(door.registry.asked) == asked


def test_a_layer_is_taken_from_another_repository_only_where_it_may_be_read(door: Door) -> None:
    def mount(source: str, auth: httpx.Auth) -> str:
        query = {"mount": DIGEST, "from": source}
        door.client.post("/v2/prod/blobs/uploads/", params=query, auth=auth)
        return door.registry.last.url.query.decode()

    everything = door.login()
    only_prod = door.login(grant=Grant(deployments=["prod"], branch_deployments=False))

    assert mount("staging", everything) == f"mount=sha256%3A{'a' * 64}&from=team%2Fstaging"
    assert mount("staging", only_prod) == ""
    assert mount("../other", everything) == ""


def test_a_manifest_is_recorded_and_kept_by_a_tag_of_ours(door: Door) -> None:
    door.registry.answer = lambda _: httpx.Response(
        201, headers={"location": f"/v2/team/prod/manifests/{OF_MANIFEST}"}
    )

    answer = door.client.put(
        "/v2/prod/manifests/1", content=MANIFEST, headers={"content-type": "x/y"}, auth=door.login()
    )

    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v2/prod/manifests/{OF_MANIFEST}"
    assert door.registry.paths == [
        "PUT /v2/team/prod/manifests/1",
        f"PUT /v2/team/prod/manifests/{keeping_tag(OF_MANIFEST)}",
    ]
    assert {each.headers["content-type"] for each in door.registry.asked} == {"x/y"}
    (pushed,) = door.store.pushed_images.within(["prod"])
    assert (pushed.tag, pushed.digest, pushed.by) == ("1", OF_MANIFEST, "a user")


def test_a_part_of_an_image_is_recorded_without_a_tag(door: Door) -> None:
    door.registry.answer = lambda _: httpx.Response(201)

    door.client.put(f"/v2/prod/manifests/{OF_MANIFEST}", content=MANIFEST, auth=door.login())

    assert len(door.registry.asked) == 1
    assert [each.tag for each in door.store.pushed_images.within(["prod"])] == [""]


def test_what_the_registry_does_not_take_is_not_recorded(door: Door) -> None:
    said = {"errors": [{"code": "UNKNOWN", "message": "no space left on device"}]}
    door.registry.answer = lambda _: httpx.Response(500, json=said)

    answer = door.client.put("/v2/prod/manifests/1", content=MANIFEST, auth=door.login())

    assert (answer.status_code, answer.json()) == (500, said)
    assert door.store.pushed_images.within(["prod"]) == []


def test_a_manifest_that_is_not_what_it_says_is_refused(door: Door) -> None:
    put = partial(door.client.put, auth=door.login())

    wrong = error_of(put(f"/v2/prod/manifests/{DIGEST}", content=MANIFEST))
    long = error_of(put(f"/v2/prod/manifests/{'x' * 129}", content=MANIFEST))
    large = error_of(put("/v2/prod/manifests/1", content=b" " * (5 << 20)))

    assert wrong[:2] == (400, "NAME_INVALID")
    assert OF_MANIFEST in wrong[2]
    assert long[:2] == (400, "NAME_INVALID")
    assert large[:2] == (413, "SIZE_INVALID")
    assert door.registry.asked == []


def test_layers_that_are_elsewhere_are_fetched_from_there_without_our_password(door: Door) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "storage.test":
            return httpx.Response(200, content=b"layer")
        return httpx.Response(307, headers={"location": "https://storage.test/layer?signed=1"})

    door.registry.answer = answer

    assert door.client.get(f"/v2/prod/blobs/{DIGEST}", auth=door.login()).content == b"layer"
    assert "authorization" not in door.registry.last.headers


def test_a_registry_that_is_away_is_told(door: Door) -> None:
    def away(_: httpx.Request) -> httpx.Response:
        msg = "refused"
        raise httpx.ConnectError(msg)

    door.registry.answer = away

    status, code, message = error_of(door.client.get("/v2/prod/tags/list", auth=door.login()))

    assert (status, code) == (503, "UNAVAILABLE")
    assert "does not answer" in message
    assert "registry.test" not in message


def test_a_registry_with_tokens_is_asked_for_one_for_what_is_done(door: Door) -> None:
    realm = "https://auth.test/token"
    given = iter(["first", "second", "third", "fourth"])

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "auth.test":
            return httpx.Response(200, json={"token": next(given), "expires_in": 300})
        if not request.headers.get("authorization", "").startswith("Bearer "):
            challenge = f'Bearer realm="{realm}",service="registry.test"'
            return httpx.Response(401, headers={"www-authenticate": challenge})
        return httpx.Response(200)

    door.registry.answer = answer
    auth = door.login()

    def token() -> str:
        door.client.get(f"/v2/prod/blobs/{DIGEST}", auth=auth)
        return str(door.registry.last.headers["authorization"])

    assert [token(), token()] == ["Bearer first", "Bearer first"]
    asked = next(each for each in door.registry.asked if each.url.host == "auth.test")
    assert dict(asked.url.params) == {
        "service": "registry.test",
        "scope": "repository:team/prod:pull",
    }
    assert asked.headers["authorization"] == basic("us", "hunter2")
    door.client.post("/v2/prod/blobs/uploads/", auth=auth)
    assert door.registry.last.headers["authorization"] == "Bearer second"
    door.clock.advance(301)
    assert token() == "Bearer third"


def test_a_token_that_was_revoked_is_replaced_once(door: Door) -> None:
    valid = ["old"]

    def answer(request: httpx.Request) -> httpx.Response:
        if urlsplit(str(request.url)).netloc == "auth.test":
            return httpx.Response(200, json={"access_token": valid[0]})
        if request.headers.get("authorization") != f"Bearer {valid[0]}":
            challenge = 'Bearer realm="https://auth.test/token"'
            return httpx.Response(401, headers={"www-authenticate": challenge})
        return httpx.Response(200)

    door.registry.answer = answer
    auth = door.login()
    assert door.client.get("/v2/prod/tags/list", auth=auth).status_code == 200
    valid[0] = "new"
    assert door.client.get("/v2/prod/tags/list", auth=auth).status_code == 200
