"""Every administrative command, over HTTP and in the folder: the same words and exit codes."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dagster_cloud.api.dagster_cloud_api import DagsterCloudCodeLocationManifest
from dagster_cloud_cli.core.workspace import CodeLocationDeployData
from dagster_shared.error import SerializableErrorInfo
from dagster_shared.serdes import serialize_value

from dagstead.cli.app import app
from dagstead.plane.agents import ALIVE_SECONDS
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.store.all import Store
from tests.support.alert_policies import entry_of
from tests.support.heartbeats import heartbeat_of
from tests.support.releases import deploy, new_location
from tests.unit.cli.conftest import Command, Said
from tests.unit.cli.planes import Served, served

GITHUB = "trust add --issuer github --repository org/repo --branch main --deployment prod"

pytestmark = pytest.mark.usefixtures("nothing_chosen")

#: The name of the token, or of those who may write to the folder.
WHO = re.compile(r"a user|the command line")
#: Times, the room on disks, which others use meanwhile, links, and ids of keys.
CHANGING = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:]+Z|\d+ seconds ago|[\d.]+ [MG]iB|http\S+/sign-in#link=[\w-]{43}"
    r"|\b[0-9a-f]{16}\b|\b[0-9a-f]{32}\b|dagstead_\w{39}"
)
#: Over HTTP, a token was used, and a server has opened what Dagster stores.
OF_ONE_WAY = {
    *("token list --all --format json", "storage", "storage --format json", "storage --sweep"),
    # Who it was, and from where.
    *("trail list --what secrets.set --format json", "trail list --what tokens --on 4711"),
    *("trail list --limit 2", "trail verify"),
}
WHOLE = "release rollback 1 --whole-deployment --deployment eu"

#: In both ways, one after the other: a command, its exit code, and a part of what it says.
STORY = [
    ("deployment create staging", 0, "Created deployment 'staging'."),
    ("deployment create staging", 2, "There is a deployment 'staging' already."),
    ("deployment create Prod", 2, "'Prod' cannot name a deployment"),
    ("deployment list --format json", 0, '"name": "staging"'),
    ("deployment settings prod", 0, "{}\n"),
    ("deployment settings prod --set-from {settings}", 0, "Replaced the settings of 'prod'."),
    ("deployment settings prod --set-from {wrong}", 2, "Did you mean 'max_concurrent_runs'?"),
    ("deployment settings prod", 0, "max_concurrent_runs: 3"),
    ("deployment compare prod", 2, "is not one of a branch"),
    ("deployment settings nope", 2, "There is no deployment 'nope'."),
    ("deployment delete nope --yes", 2, "There is no deployment 'nope'."),
    ("status", 1, "No process runs the daemons"),
    ("status --format json", 1, '"part": "database"'),
    ("pause", 0, "Paused."),
    ("pause", 0, "It was paused before."),
    ("pause --everything", 0, "Stopped: starts of runs; ticks of schedules"),
    ("pause --everything", 0, "It was paused before."),
    ("resume", 0, "It goes on."),
    ("resume", 0, "There was no pause."),
    ("queues set gpu --limit 4 --owner ml --longest-wait 30m", 0, "Set queue 'gpu': 0 of 4 runs"),
    ("queues set gpu --fallback queue:cpu --priority 5", 0, "priority 5."),
    ("queues set gpu --fallback queue:gpu", 2, "cannot fall back to itself"),
    ("queues set cpu --fallback fail", 2, "A fallback needs the longest wait"),
    ("queues set default --limit 1", 2, "the default queue has no name"),
    ("queues set gpu --limit 0", 2, "from 1 to 100,000"),
    ("queues set gpu --limit many", 2, "--limit 'many' is not a number of runs."),
    ("queues set", 2, "Which queue?"),
    ("queues pause gpu --note Driver --until 2001-01-01", 2, "not in the future"),
    ("queues pause gpu --note Driver --until soon", 2, "--until 'soon' is not a time."),
    ("queues pause gpu --note Driver", 0, "Paused queue 'gpu': 0 queued runs wait, and 0 runs"),
    ("queues list --format json", 0, ': Driver"'),
    ("queues list", 0, "gpu"),
    ("queues show gpu", 0, "go to queue 'cpu'"),
    ("queues show nope", 2, "There is no queue 'nope'. There are:"),
    ("queues resume gpu", 0, "It goes on."),
    ("queues resume gpu", 0, "It was not paused."),
    ("queues remove gpu", 0, "Removed what was said of it."),
    ("queues remove gpu", 2, "Nothing was said of queue 'gpu'"),
    ("queues set --default-queue --limit 2", 0, "Set the default queue: 0 of 2 runs"),
    ("queues remove --default-queue", 2, "The default queue is in use: "),
    ("location list --format json", 0, '"location": "weather"'),
    ("location list --deployment prod", 0, "weather"),
    ("location list --deployment staging", 0, "Nothing is deployed yet"),
    ("location list --deployment nope", 2, "There is no deployment 'nope'."),
    ("why weather --deployment prod", 0, "Location weather of deployment prod, on the default"),
    ("why weather --deployment prod --format json", 0, '"code": "UNSERVED_QUEUE"'),
    ("why weather", 2, "location weather of eu; location weather of prod. Write more"),
    ("why weather --deployment nope", 2, "There is no deployment 'nope'."),
    ("why nothing", 2, "There is no run, location or request 'nothing'."),
    ("why", 0, "No run waits."),
    ("token create --name ada --deployment nope", 2, "There is no deployment 'nope'."),
    ("token create --name ada --queue gpu", 2, "Only agent tokens have queues"),
    (
        "token create --name ada --only-branch-deployments --deployment prod",
        2,
        "grants no full deployment",
    ),
    ("token create --name ada --expires 2001-01-01", 2, "expired already"),
    ("token list --all --format json", 0, '"name": "eu"'),
    ("token rotate eu", 0, "Token 1 'eu' (agent). Deployments: all. Queues: (default queue), eu."),
    ("token rotate {eu} --overlap 12h --expires 30d", 0, "The former secret works until "),
    ("token rotate eu --overlap none", 0, "The former secret no longer works."),
    ("token rotate eu --overlap 1y", 2, "is not a length of time. Write 12h, 1d or none."),
    ("token rotate eu --overlap 31d", 2, "at most 30 days"),
    ("token rotate eu --expires 2001-01-01", 2, "expired already"),
    ("token rotate nobody", 2, "There is no valid token 'nobody'."),
    ("token revoke {eu}", 0, "Revoked token 1 'eu'."),
    ("token revoke 4711", 2, "There is no token 4711."),
    ("token link", 0, "It works once, until "),
    ("token sign-out {eu}", 0, "Signed out of token 1: 0."),
    ("token sign-out 4711", 2, "There is no token 4711."),
    ("token revoke 99999999999", 2, "less than or equal to"),
    (GITHUB, 0, "get a token of 15 minutes for prod, in the role editor."),
    ("trust add --issuer github --repository org/repo --deployment prod", 2, "Which jobs of the"),
    (GITHUB.replace("prod", "nope"), 2, "There is no deployment 'nope'."),
    (f"{GITHUB} --minutes 600", 2, "1 to 120 minutes"),
    ("trust add --issuer http://127.0.0.1:1 --repository o/r --any-ref", 2, "cannot be an issuer"),
    ("trust list --format json", 0, "ref=refs/heads/main, repository=org/repo"),
    ("trust pin --issuer github --repository org/repo --id 5", 0, "org/repo of https://token"),
    ("trust pin --issuer github --repository org/repo", 2, "Which number?"),
    ("trust pin --issuer github --repository repo --id 5", 2, "the full name of one repository"),
    ("trust pin --issuer http://x --repository a/b --id 5", 2, "cannot be an issuer"),
    ("trust list --format json", 0, "org/repo=5"),
    ("trust remove 1", 0, "Removed policy 1."),
    ("trust remove 1", 2, "There is no trust policy 1."),
    ("agent list --format json", 0, '"agent": "gone"'),
    ("agent refused", 0, "Nobody was refused in the last days."),
    ("agent forget id-of-gone", 0, "Forgot agent 'gone'."),
    ("agent forget id-of-gone", 2, "There is no agent 'id-of-gone'."),
    ("agent forget id-of-alive", 2, "Agent 'alive' sent a heartbeat "),
    ("release list --format json", 0, '"state": "failed"'),
    ("release list --deployment nope", 2, "There is no deployment 'nope'."),
    ("release show 2", 0, "ValueError: no such column"),
    ("release show 99", 2, "99"),
    ("release diff 1 2", 0, "Releases 1 and 2 deployed the same configuration."),
    ("release rollback --detach", 2, "There is no release to go back to"),
    ("release rollback 99", 2, "no release 99"),
    ("release rollback 2", 2, "Release 2 brought nothing: there is nothing to roll back."),
    ("release rollback --deployment eu --detach", 1, "extra is removed: it served nothing then"),
    ("release rollback --deployment eu --detach", 1, "weather goes back to what release 1 brought"),
    ("release rollback --deployment eu --detach --yes", 0, "Release 3 undoes release 2."),
    ("release rollback --deployment eu", 2, "Release 3, a rollback, is loading."),
    ("release show 3 --deployment eu", 0, "cause: undoes release 2"),
    ("release rollback 3 --deployment eu", 0, "Release 3 was loading and is ended."),
    ("release rollback 1 --whole-deployment --deployment eu", 1, "was live after release 1:"),
    (WHOLE, 1, "Nothing was changed. A script confirms with --yes."),
    (f"{WHOLE} --yes --detach", 0, "Release 4 goes back to release 1."),
    ("release list --deployment eu", 0, "goes back to release 1"),
    ("secret list", 0, "There are no secrets."),
    ("secret set 1KEY --from-file {settings}", 2, "cannot name a secret"),
    ("secret set KEY --deployment nope --from-file {settings}", 2, "There is no deployment 'nope'"),
    ("secret set KEY --from-file nowhere", 2, "The value cannot be read from 'nowhere'"),
    ("secret set KEY --from-env NOWHERE_SET", 2, "There is no variable NOWHERE_SET here."),
    ("secret set KEY --from-env A --from-file b", 2, "name two values"),
    ("secret set KEY", 2, "There is no value on standard input."),
    ("secret set KEY --scope local --location weather --from-file {settings}", 0, "Set KEY."),
    ("secret set KEY --scope local --deployment prod --from-file {wrong}", 0, "Set KEY."),
    ("secret list --format json", 0, '"locations": [\n      "weather"'),
    ("secret list --deployment staging --location digits", 0, "There are no secrets."),
    ("secret get KEY", 2, "has different values"),
    ("secret get KEY --deployment prod", 2, "has different values"),
    ("secret get KEY --deployment staging", 0, "max_concurrent_runs: 3"),
    ("secret get OTHER", 2, "There is no secret 'OTHER' there."),
    ("secret remove KEY --scope local", 2, "There is no secret 'KEY' there."),
    ("secret remove KEY --scope local --location weather", 0, "Removed KEY."),
    ("secret get KEY --scope local", 0, "max_concurent_runs: 3"),
    ("secret key", 0, "keys/master.key"),
    ("secret rotate-key", 0, "Keep a copy of the new key."),
    ("secret rotate-key --lost", 1, "A script confirms with --yes."),
    ("secret get KEY --scope local", 0, "max_concurent_runs: 3"),
    ("trail list --what secrets.set --format json", 0, '"object": "secret KEY"'),
    ("trail list --what tokens --on 4711", 0, "failed"),
    ("trail --who nobody-of-that-name", 0, "The trail has no such rows."),
    ("trail list --limit 2", 0, "There may be more: add --below "),
    ("trail list --since yesterday", 2, "--since 'yesterday' is not a time."),
    ("trail verify", 0, "The trail is whole: "),
    ("trail verify --head 1:x", 2, "'1:x' is no end of a trail."),
    ("storage", 0, "releases"),
    ("storage --names", 0, "The next sweep removes nothing."),
    ("storage --format json", 0, '"kind": "releases"'),
    ("storage --sweep", 0, "There was nothing to remove."),
    ("deployment delete staging --yes", 0, "Deleted deployment 'staging'."),
    ("deployment delete eu --yes", 0, "Deleted deployment 'eu'."),
    ("deployment delete prod --yes", 2, "is the last full deployment"),
    ("alerts list", 0, "There are no alert policies."),
    ("alerts sync {alerts}", 0, "Synced 2 alert policies: on-call, late."),
    ("alerts sync {alerts} --official", 2, "is a list of policies, or a mapping with"),
    ("alerts sync {wrong}", 2, "is a list of policies, or a mapping with"),
    ("alerts list", 0, "webhook: https://example.com/***"),
    ("alerts list --format json", 0, '"policy": "late"'),
    ("alerts list --deployment nope", 2, "There is no deployment 'nope'."),
    ("alerts export", 0, "webhook_url: https://example.com/hook/t0ken"),
    ("alerts export --official", 0, "alert_policies: []"),
    ("alerts show on-call", 0, "Nothing fires for 'on-call'."),
    ("alerts show nope", 2, "There is no alert policy 'nope'. There are: on-call, late."),
    ("alerts test on-call --wait 0", 1, "the daemon that leads sends it."),
    ("alerts test nope --wait 0", 2, "has no alert policy 'nope'. There are: on-call, late."),
    ("alerts deliveries --format json", 0, '"about": "This is a test"'),
    ("alerts silence on-call", 2, "Until when?"),
    ("alerts silence on-call --until 2001-01-01", 2, "would be over already"),
    ("alerts silence on-call --until 50d", 2, "A silence lasts 31 days at most."),
    ("alerts silence on-call --until 2h --note Moving", 0, "Silence 1 holds until"),
    ("alerts list", 0, "on-call"),
    ("alerts end-silence 1", 0, "Messages are sent again."),
    ("alerts end-silence 1", 2, "has no silence 1."),
]


def fill_releases(store: Store) -> None:
    """Two live releases in a deployment of their own."""
    store.deployments.create("eu")
    store.deployments.set_settings("eu", {"releases": {"unserved_queue": "wait"}})
    empty = DagsterCloudCodeLocationManifest(
        repositories=[],
        container_image=None,
        executable_path=None,
        dagster_library_versions=None,
        code_location_deploy_data=CodeLocationDeployData(python_file="m.py"),
    )
    for names in (("digits", "weather"), ("extra", "weather")):
        new = [
            replace(
                new_location(name, f"{name}-{names[0]}"),
                document={"location_name": name, "code_source": {"module_name": name}},
            )
            for name in names
        ]
        for row in deploy(store, "eu", new):
            store.releases.set_loaded(
                "eu", row.name, deploy_id=row.deploy_id, manifest=serialize_value(empty)
            )


def fill(plane: Served) -> None:
    """What there is before the story: a location, two agents and an agent token."""
    store, now = plane.store, plane.store.clock()
    store.tokens.create("eu", TokenKind.AGENT, "agent:dagstead:eu", Grant(queues=["eu", None]))
    store.deployments.set_settings("prod", {"releases": {"unserved_queue": "wait"}})
    cause = SerializableErrorInfo(message="KeyError: 3", stack=["  here\n"], cls_name="KeyError")
    error = SerializableErrorInfo(
        message="ValueError: no such column", stack=["  there\n"], cls_name=None, cause=cause
    )
    for deploy_id in ("1", "2"):
        deploy(store, "prod", [new_location("weather", deploy_id)])
        store.releases.set_failed(
            "prod", "weather", deploy_id=deploy_id, error=serialize_value(error)
        )
    store.deployments.set_settings("prod", {})
    fill_releases(store)
    store.agents.record(
        [
            heartbeat_of("eu", now=now - ALIVE_SECONDS, agent_id="id-of-gone", label="gone"),
            heartbeat_of("eu", now=now, agent_id="id-of-alive", label="alive"),
        ]
    )


def tell(command: Command, plane: Served, folder: Path, *way: str) -> list[tuple[str, str, int]]:
    """The whole story; what was said to each command."""
    (folder / "settings.yaml").write_text("run_queue: {max_concurrent_runs: 3}", encoding="utf-8")
    alerts = [entry_of("on-call"), entry_of("late", "LONGEST_WAIT_EXCEEDED")]
    (folder / "alerts.yaml").write_text(json.dumps({"alerts": alerts}), encoding="utf-8")
    (folder / "wrong.yaml").write_text("run_queue: {max_concurent_runs: 3}", encoding="utf-8")
    eu = next(each.id for each in plane.store.tokens.all() if each.name == "eu")
    told = []
    for line, code, says in STORY:
        words = [
            each.format(settings="settings.yaml", wrong="wrong.yaml", alerts="alerts.yaml", eu=eu)
            for each in line.split()
        ]
        said = command(*words, *way)
        assert said.code == code, (line, said)
        assert says in said.out + said.err, (line, said)
        texts = [CHANGING.sub("then", WHO.sub("me", each)) for each in (said.out, said.err)]
        told.append((texts[0], texts[1], said.code))
    return told


def test_both_ways_say_the_same(
    dagstead: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with served(tmp_path / "one", time.time) as one:
        fill(one)
        token = one.token()
        with monkeypatch.context() as variables:
            variables.setenv("DAGSTER_CLOUD_URL", one.url)
            variables.setenv("DAGSTER_CLOUD_API_TOKEN", token)
            over_http = tell(dagstead, one, tmp_path)
    with served(tmp_path / "two", time.time) as two:
        fill(two)
        two.token()
        in_the_folder = tell(dagstead, two, tmp_path, "--data", str(tmp_path / "two"))
    assert len(over_http) == len(in_the_folder) == len(STORY)
    for line, remote, local in zip(STORY, over_http, in_the_folder, strict=True):
        if line[0] not in OF_ONE_WAY:
            assert remote == local, line[0]


def test_every_command_of_administration_is_in_the_story() -> None:
    shown = [each for each in app.registered_groups if not each.hidden]
    groups = {each.name: each.typer_instance for each in shown if each.typer_instance}
    told = {tuple(line.split()[:2]) for line, _, _ in STORY} | {
        ("config", "show"),
        ("token", "create"),
    }
    named = {"deployment", "token", "trust", "agent", "location", "config", "release", "secret"}
    named.add("trail")
    commands = {
        (group, command.name or command.callback.__name__)  # type: ignore[union-attr]
        for group in named
        for command in groups[group].registered_commands
    }
    # It asks no control plane.
    assert commands - told == {("agent", "config")}


def test_a_token_for_pull_requests_grants_no_full_deployment(
    remote: Command, plane: Served
) -> None:
    made = remote("token", "create", "--name", "pulls", "--only-branch-deployments")
    assert "Deployments: branch deployments." in made.err
    token = plane.store.tokens.authenticate(made.out.strip())
    assert (token.deployments, token.branch_deployments) == (frozenset(), True)


def test_a_token_over_http_is_shown_once_and_logged_nowhere(
    remote: Command, plane: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = remote("token", "create", "--name", "ci", "--expires", "12h")
    secret = said.out.strip()
    token = plane.store.tokens.authenticate(secret)
    assert token.expires_at == plane.store.clock() + 12 * 3600
    assert "shown only once" in said.err
    random_part = secret.rpartition(":")[2]
    assert random_part not in said.err
    assert random_part not in remote("token", "list", "--all", "--format", "json").out
    assert random_part not in caplog.text


def test_a_sign_in_link_comes_with_a_user_token(remote: Command, plane: Served) -> None:
    user = json.loads(remote("token", "create", "--name", "ada", "--format", "json").out)
    assert user["sign_in"] == f"{plane.url}/sign-in#token={user['token']}"
    words = ("token", "create", "--name", "eu", "--kind", "agent", "--queue", "eu")
    agent = json.loads(remote(*words, "--format", "json").out)
    assert agent["sign_in"] is None
    assert plane.store.tokens.authenticate(agent["token"]).queues == {"eu"}


def test_the_link_is_for_eyes_only(
    remote: Command, plane: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    said = remote("token", "create", "--name", "ada")
    assert f"Sign in at: {plane.url}/sign-in#token={said.out.strip()}\n" in said.err


def test_the_settings_are_those_of_the_server(remote: Command, plane: Served) -> None:
    said = remote("config", "show", "--format", "json")
    rows = {each["setting"]: each for each in json.loads(said.out)}
    assert rows["port"]["value"] == plane.settings.port
    assert rows["port"]["from"] == "flag --port"


def test_a_variable_that_names_a_deployment_leads_no_administration_astray(
    remote: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_CLOUD_DEPLOYMENT", "deleted-long-ago")
    assert remote("token", "list").code == 0
    assert remote("deployment", "settings", "prod").code == 0
    said = remote("release", "list")
    assert (said.code, "There is no deployment 'deleted-long-ago'" in said.err) == (2, True)


def test_a_server_that_is_not_there_is_told_in_a_sentence(
    dagstead: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_CLOUD_API_TOKEN", "user:dagstead:x")
    said = dagstead("token", "list", "--url", "http://127.0.0.1:1")
    assert (said.code, "does not answer" in said.err) == (1, True)


def values(said: Said) -> Any:
    return json.loads(said.out)
