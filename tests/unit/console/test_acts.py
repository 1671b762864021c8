"""What is done on pages: by whom, and what becomes of it."""

from __future__ import annotations

import html
import re
from typing import Any

import httpx
import pytest

from dagstead.console.render import NOTE_COOKIE, read_note
from dagstead.control.actor import Actor
from dagstead.plane.roles import Role
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.plane.trail import TrailFilter
from tests.unit.console.conftest import Console

_SECRET = re.compile(r"(?:agent|user):dagstead:\w+")


def note_of(answer: httpx.Response) -> str:
    assert answer.status_code == 303, answer.text
    return read_note(answer.cookies[NOTE_COOKIE]) or ""


def test_a_location_is_loaded_again(fresh: Console) -> None:
    before = fresh.store.locations.get("prod", "weather").version
    answer = fresh.post("/-/locations/prod/weather", name="weather")
    assert "is being loaded again" in note_of(answer)
    assert answer.headers["location"] == "/-/locations/prod/weather"
    assert fresh.store.locations.get("prod", "weather").version > before


def test_a_note_is_shown_once(fresh: Console) -> None:
    fresh.post("/-/locations/prod/weather", name="weather")
    assert "is being loaded again" in fresh.get("/-/locations/prod/weather").text
    assert "is being loaded again" not in fresh.get("/-/locations/prod/weather").text


def test_a_release_is_rolled_back_as_it_was_shown(fresh: Console) -> None:
    page = fresh.get("/-/releases/prod/3/rollback").text
    assert "returns to release 1" in page
    names = re.findall(r'name="confirmed" value="([^"]+)"', page)
    answer = fresh.post("/-/releases/prod/3/rollback", confirmed=names)
    assert "undoes release 3" in note_of(answer)
    newest = fresh.store.releases.all("prod")[0]
    assert newest.undoes == 3
    assert newest.by == "the admin"


def test_a_rollback_that_removes_wants_the_name_typed(fresh: Console) -> None:
    page = fresh.get("/-/releases/prod/4/rollback").text
    assert "is removed" in page
    form: dict[str, Any] = {"confirmed": ["training", "embeddings"], "needs_name": "1"}
    answer = fresh.post("/-/releases/prod/4/rollback", **form, typed="other")
    assert answer.status_code == 422
    assert "Type the name of the deployment" in answer.text
    assert fresh.store.releases.all("prod")[0].number == 6
    assert fresh.post("/-/releases/prod/4/rollback", **form, typed="prod").status_code == 303


def test_what_cannot_be_rolled_back_says_why(fresh: Console) -> None:
    page = fresh.get("/-/releases/prod/6/rollback").text
    assert "there is nothing to roll back" in page
    assert '<button class="main"' not in page


def test_a_token_is_read_back_and_its_secret_shown_once(fresh: Console) -> None:
    form = {"kind": "agent", "name": "gpu", "where": "some", "deployment": "prod"}
    form |= {"which": "some", "queue": "gpu"}
    read = fresh.post("/-/tokens/new", **form)
    assert "An agent with it gets the work of queue &#39;gpu&#39; in deployment" in read.text
    command = "dagstead token create --kind agent --name gpu --deployment prod --queue gpu"
    assert command in read.text
    assert _SECRET.search(read.text) is None
    made = fresh.post("/-/tokens/new", **form, step="create")
    secret = _SECRET.search(made.text)
    assert secret
    assert made.headers["cache-control"] == "no-store"
    token = fresh.store.tokens.authenticate(secret[0])
    assert (token.kind, token.queues) == (TokenKind.AGENT, frozenset({"gpu"}))
    for address in ("/-/tokens", f"/-/tokens/{token.id}", "/-/trail"):
        assert secret[0] not in fresh.get(address).text


def test_a_token_that_grants_nothing_is_not_made(fresh: Console) -> None:
    answer = fresh.post("/-/tokens/new", kind="agent", name="x", where="some", step="create")
    assert answer.status_code == 422
    assert "would grant no deployment at all" in answer.text
    assert 'value="x"' in answer.text


def test_a_token_is_rotated_and_revoked(fresh: Console) -> None:
    token = fresh.store.tokens.create("of ada", TokenKind.USER, "secret of ada", Grant())
    rotated = fresh.post(f"/-/tokens/{token.id}/rotate", overlap="1h")
    secret = _SECRET.search(rotated.text)
    assert secret
    assert fresh.store.tokens.authenticate(secret[0]).id == token.id
    assert "is revoked" in note_of(fresh.post(f"/-/tokens/{token.id}/revoke"))
    again = fresh.post(f"/-/tokens/{token.id}/rotate", overlap="1h")
    assert again.status_code == 409
    assert "was revoked, and stays so" in again.text


def test_queues_are_paused_together_and_resumed(fresh: Console) -> None:
    form: dict[str, Any] = {
        "queue": ["name:gpu", "default"],
        "note": "Driver update",
        "until": "2h",
    }
    assert "2 queues are paused" in note_of(fresh.post("/-/queues/pause", **form))
    page = fresh.get("/-/queues/of/gpu").text
    assert "Driver update" in page
    assert "by the admin" in page
    assert "Paused" in fresh.get("/-/queues/default").text
    note = note_of(fresh.post("/-/queues/resume", queue="name:gpu", **{"from": "one"}))
    assert "Queue gpu goes on" in note
    assert "Driver update" not in fresh.get("/-/queues/of/gpu").text


def test_a_queue_gets_its_settings(fresh: Console) -> None:
    form = {"limit": "4", "priority": "-2", "longest_wait": "30m", "owner": "ml@acme.example"}
    form |= {"fallback": "queue", "fallback_queue": "eu", "branches": "yes"}
    assert "new settings" in note_of(fresh.post("/-/queues/of/gpu", **form))
    queue = fresh.control.queues.get(_admin(fresh), "gpu").queue
    assert (queue.limit, queue.priority, queue.longest_wait_seconds) == (4, -2, 1800.0)
    assert queue.fallback.queue == "eu"
    for wrong in ({"limit": "x"}, {"priority": "1.5"}, {"longest_wait": "soon"}):
        answer = fresh.post("/-/queues/of/gpu", **wrong)
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text


def test_a_secret_is_set_removed_and_never_shown(fresh: Console) -> None:
    form = {"deployment": "prod", "name": "PIN", "value": " 12 34 ", "kind": "full"}
    assert "PIN is set" in note_of(fresh.post("/-/secrets", **form, location="weather"))
    page = fresh.get("/-/secrets?deployment=prod").text
    assert "PIN" in page
    assert "12 34" not in page
    refused = fresh.post("/-/secrets", **{**form, "name": "not a name"})
    assert refused.status_code == 422
    assert "cannot name a secret" in refused.text
    assert "12 34" not in refused.text
    gone = fresh.post(
        "/-/secrets/remove",
        deployment="prod",
        of="prod",
        name="PIN",
        kind="full",
        location="weather",
    )
    assert "PIN is removed" in note_of(gone)


def test_a_deployment_is_made_set_and_removed(fresh: Console) -> None:
    assert "is there" in note_of(fresh.post("/-/deployments", name="dev"))
    assert fresh.post("/-/deployments", name="Not a name").status_code == 422
    settings = "/-/deployments/dev/settings"
    assert fresh.post(settings, settings="releases:\n  unserved_queue: wait\n").status_code == 303
    assert fresh.store.deployments.get("dev").settings["releases"]["unserved_queue"] == "wait"
    for text, says in (("a: [", "not YAML in line"), ("- a", "a mapping"), ("x: 1", "x")):
        answer = fresh.post(settings, settings=text)
        assert answer.status_code == 422
        assert says in answer.text
    assert fresh.post("/-/deployments/dev/delete", typed="de").status_code == 422
    assert "is gone" in note_of(fresh.post("/-/deployments/dev/delete", typed="dev"))


def test_an_agent_that_is_gone_is_forgotten(fresh: Console) -> None:
    assert "is forgotten" in note_of(fresh.post("/-/agents/gpu-01"))
    alive = fresh.post("/-/agents/eu-7f3a")
    assert alive.status_code == 409
    assert "sent a heartbeat" in alive.text


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/-/locations/prod/weather", {"name": "weather"}),
        ("/-/releases/prod/3/rollback", {"confirmed": "weather"}),
        ("/-/deployments", {"name": "dev"}),
        ("/-/deployments/prod/settings", {"settings": "{}"}),
        ("/-/deployments/prod/delete", {"typed": "prod"}),
        ("/-/tokens/new", {"name": "mine", "kind": "user", "step": "create"}),
        ("/-/tokens/1/rotate", {"overlap": "1d"}),
        ("/-/tokens/1/revoke", {}),
        ("/-/queues/pause", {"queue": "name:gpu"}),
        ("/-/queues/of/gpu", {"limit": "1"}),
        ("/-/agents/gpu-01", {}),
        ("/-/secrets", {"deployment": "prod", "name": "PIN", "value": "1234"}),
    ],
)
@pytest.mark.parametrize("who", ["the viewer", "of staging"])
def test_who_may_not_changes_nothing(
    fresh: Console, path: str, form: dict[str, str], who: str
) -> None:
    before = _changes(fresh)
    answer = fresh.post(path, who, **form)
    assert answer.status_code == 403
    assert "oken" in answer.text
    assert _changes(fresh) == before


def test_acts_are_in_the_trail(fresh: Console) -> None:
    fresh.post("/-/queues/pause", queue="name:gpu", note="Driver update")
    row = fresh.store.trail.find(TrailFilter(act="queues.pause"))[0].said
    assert row["who"]["name"] == "the admin"
    assert row["who"]["address"] == "127.0.0.1"


def test_the_theme_is_kept_and_leads_back_to_a_page_of_ours(console: Console) -> None:
    answer = console.post("/-/theme", theme="dark", next="/-/queues")
    assert answer.headers["location"] == "/-/queues"
    assert answer.cookies["dagstead_theme"] == "dark"
    for target in ("//evil.example", "https://evil.example", "/-/\\evil", "/prod"):
        assert console.post("/-/theme", theme="", next=target).headers["location"] == "/-/"
    assert 'data-theme="dark"' in console.get("/-/", cookie="dagstead_theme=dark").text
    assert "data-theme" not in console.get("/-/", cookie="dagstead_theme=<x>").text


def _changes(console: Console) -> tuple[object, ...]:
    store = console.store
    return (
        [each.version for each in store.locations.all("prod")],
        [each.name for each in store.deployments.all()],
        [(each.id, each.revoked_at, each.rotated_at) for each in store.tokens.all()],
        [each.number for each in store.releases.all("prod")],
        console.control.queues.get(_admin(console), "gpu").queue,
    )


def _admin(console: Console) -> Actor:
    return Actor.holding(console.store.tokens.authenticate("the admin"))


def test_a_number_that_nothing_has_is_not_found(fresh: Console) -> None:
    far = "9" * 40
    for path in (f"/-/tokens/{far}", f"/-/releases/prod/{far}", f"/-/releases/prod/{far}/rollback"):
        assert fresh.get(path).status_code == 404


def test_a_pause_that_nobody_means_is_refused(fresh: Console) -> None:
    form: dict[str, Any] = {"queue": ["default"], "until": "9000-01-01"}
    answer = fresh.post("/-/queues/pause", **form)
    assert answer.status_code == 422
    assert "more than ten years" in answer.text


def test_a_whole_deployment_returns_to_a_release(fresh: Console) -> None:
    assert "Return all of prod to it" in fresh.get("/-/releases/prod/3").text
    address = "/-/releases/prod/3/rollback?whole=1"
    page = fresh.get(address).text
    assert "Everything in prod returns to what was live right after this release" in page
    assert f'action="{address}"' in page
    assert "--whole-deployment" in page
    names = re.findall(r'name="confirmed" value="([^"]+)"', page)
    assert "training" in names
    form: dict[str, Any] = {"confirmed": names, "needs_name": "1", "typed": "prod"}
    answer = fresh.post(address, **form)
    assert "returns all of it to release 3" in note_of(answer)
    assert fresh.store.releases.all("prod")[0].back_to == 3
    for who in ("the viewer", "of weather"):
        assert "Return all of" not in fresh.get("/-/releases/prod/3", who).text
        assert fresh.post(address, who, **form).status_code == 403


def test_a_token_gets_roles_in_deployments_and_at_locations(fresh: Console) -> None:
    form = {"kind": "user", "name": "grace", "role": "viewer", "role-in:staging": "editor"}
    form |= {"role-in:prod": "", "branch_role": "launcher", "roles": "prod/weather=launcher"}
    read = html.unescape(fresh.post("/-/tokens/new", **form).text)
    command = (
        "dagstead token create --kind user --name grace --role viewer "
        "--role prod/weather=launcher --role staging=editor --branch-role launcher"
    )
    assert command in read
    made = fresh.post("/-/tokens/new", **form, step="create")
    secret = _SECRET.search(made.text)
    assert secret
    roles = fresh.store.tokens.authenticate(secret[0]).roles
    assert roles.of("prod", is_branch=False) is Role.VIEWER
    assert roles.of("staging", is_branch=False) is Role.EDITOR
    assert roles.at("prod", "weather", is_branch=False) is Role.LAUNCHER
    assert roles.of_branches is Role.LAUNCHER


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"roles": "prod/weather"}, "names no role"),
        ({"roles": "/weather=editor"}, "is not of the form"),
        ({"roles": "prod/weather=viewer"}, "gives nothing"),
        ({"roles": "nowhere/x=launcher"}, "nowhere"),
        ({"role-in:prod": "king"}, "names no role"),
    ],
)
def test_roles_that_are_none_make_no_token(
    fresh: Console, wrong: dict[str, str], says: str
) -> None:
    form = {"kind": "user", "name": "grace", "role": "viewer"} | wrong
    answer = fresh.post("/-/tokens/new", **form, step="create")
    assert answer.status_code in {404, 422}
    assert says in html.unescape(answer.text)
    assert _SECRET.search(answer.text) is None
