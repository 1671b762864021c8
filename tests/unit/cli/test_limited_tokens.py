"""What commands of administration say to whoever holds a limited token."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from dagstead.plane.deployments import Branch
from dagstead.plane.tokens import Grant
from tests.unit.cli.conftest import Command
from tests.unit.cli.planes import Served

pytestmark = pytest.mark.usefixtures("nothing_chosen")

TRUST = "trust add --issuer github --repository org/repo --branch main --deployment prod"

LIMITED: Mapping[str, Grant] = {
    "deployment": Grant(deployments=["prod"], branch_deployments=False),
    "locations": Grant(deployments=["prod"], locations=["weather"]),
    "repository": Grant(deployments=["prod"], repository="org/repo"),
}


def as_held_by(
    dagstead: Command, plane: Served, monkeypatch: pytest.MonkeyPatch, token: str
) -> Command:
    monkeypatch.setenv("DAGSTER_CLOUD_URL", plane.url)
    monkeypatch.setenv("DAGSTER_CLOUD_API_TOKEN", token)
    return dagstead


@pytest.mark.parametrize("limit", LIMITED)
@pytest.mark.parametrize(
    "line",
    [
        "deployment create eu",
        "deployment delete prod --yes",
        "token create --name more",
        "token list",
        "token revoke 1",
        "token rotate 1",
        TRUST,
        "trust pin --issuer github --repository org/repo --id 5",
        "trust list",
        "trust remove 1",
        "secret set KEY --from-env PATH",
        "secret remove KEY",
        "secret key",
        "secret rotate-key",
        "trail list",
        "trail verify",
        "agent forget id-of-gone",
        "config show",
    ],
)
def test_a_limited_token_is_refused_in_a_sentence(
    dagstead: Command, plane: Served, monkeypatch: pytest.MonkeyPatch, limit: str, line: str
) -> None:
    limited = as_held_by(dagstead, plane, monkeypatch, plane.token(LIMITED[limit]))
    before = plane.store.tokens.all(), plane.store.deployments.all(), plane.store.trust.all()
    said = limited(*line.split())
    assert said.code == 1
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert "needs a token for all deployments" in said.err or "may only deploy" in said.err
    after = plane.store.tokens.all(), plane.store.deployments.all(), plane.store.trust.all()
    assert [each.id for each in after[0]] == [each.id for each in before[0]]
    assert after[1:] == before[1:]


def test_lists_show_a_limited_token_its_part(
    dagstead: Command, plane: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane.store.deployments.create_or_update_branch(
        Branch(repo_name="org/other", branch_name="f"), None
    )
    limited = as_held_by(dagstead, plane, monkeypatch, plane.token(LIMITED["deployment"]))
    listed = json.loads(limited("deployment", "list", "--format", "json").out)
    assert [each["name"] for each in listed] == ["prod"]
    assert limited("agent", "list").code == 0
    assert limited("location", "list", "--deployment", "staging").code == 1


def test_nobody_grants_a_longer_life_than_their_own(
    dagstead: Command, plane: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = plane.store.clock() + 3600
    short = as_held_by(dagstead, plane, monkeypatch, plane.token(Grant(expires_at=ends)))
    said = short("token", "create", "--name", "forever")
    assert (said.code, "cannot grant more than it holds" in said.err) == (1, True)
    assert short("token", "create", "--name", "brief", "--expires", "30m").code == 0
