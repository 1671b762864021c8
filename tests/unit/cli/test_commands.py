from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster._serdes import serialize_value

from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from tests.support.heartbeats import heartbeat_of
from tests.support.played_agent import BROKEN
from tests.support.ports import free_port
from tests.support.releases import deploy, new_location
from tests.support.stores import empty_store
from tests.unit.cli.conftest import Command


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    (tmp_path / "data").mkdir()
    opened = empty_store(tmp_path / "data", ManualClock(), file="dagstead.db")
    yield opened
    opened.close()


def test_a_token_is_shown_once(dagstead: Command, store: Store) -> None:
    said = dagstead("token", "create", "--name", "ada", "--expires", "never")
    secret = said.out.strip()
    assert store.tokens.authenticate(secret).name == "ada"
    assert "shown only once" in said.err
    assert secret not in said.err

    listed = dagstead("token", "list", "--format", "json")
    assert secret.rpartition(":")[2] not in listed.out
    (row,) = json.loads(listed.out)
    assert (row["name"], row["kind"], row["deployments"]) == ("ada", "user", "all")


def test_an_agent_token_is_limited_as_asked(dagstead: Command, store: Store) -> None:
    store.deployments.create("prod")
    arguments = "token create --kind agent --name eu --deployment prod --queue eu --queue gpu"
    said = dagstead(*arguments.split(), "--default-queue", "--format", "json")
    token = store.tokens.authenticate(json.loads(said.out)["token"])
    assert token.queues == {"eu", "gpu", None}
    assert token.deployments == {"prod"}
    assert not token.branch_deployments


def test_a_revoked_token_opens_nothing(dagstead: Command, store: Store) -> None:
    dagstead("token", "create", "--name", "ada")
    assert dagstead("token", "revoke", "1").out == "Revoked token 1 'ada'.\n"
    assert store.tokens.all()[0].revoked_at is not None
    assert dagstead("token", "list").out == ""
    assert "ada" in dagstead("token", "list", "--all").out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("token revoke 99", "There is no token 99"),
        ("token create --name ada --deployment prdo", "There is no deployment 'prdo'"),
        ("token create --name ada --queue gpu", "Only agent tokens have queues"),
        ("deployment create Prod", "'Prod' cannot name a deployment"),
        ("deployment create graphql", "an address of the server itself"),
        ("deployment delete nope --yes", "There is no deployment 'nope'"),
        ("deployment settings nope", "There is no deployment 'nope'"),
        ("location list --deployment nope", "There is no deployment 'nope'"),
        ("token list --database mysql://a@b/c", "not supported"),
        ("token list --config nowhere.toml", "There is no settings file 'nowhere.toml'"),
        ("web --port 0", "--port 0"),
    ],
)
@pytest.mark.usefixtures("store")
def test_a_mistake_ends_in_one_sentence(dagstead: Command, arguments: str, sentence: str) -> None:
    said = dagstead(*arguments.split())
    assert said.code == 2
    assert said.err.startswith("error: ")
    assert sentence in said.err
    assert "Traceback" not in said.err


def test_a_folder_that_cannot_be_made_is_reported(dagstead: Command, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    data = str(tmp_path / "file" / "data")
    said = dagstead("web", "--port", str(free_port()), "--data", data)
    assert said.code == 2
    assert "cannot be created" in said.err


def test_a_command_in_a_wrong_folder_makes_no_control_plane_there(
    dagstead: Command, tmp_path: Path
) -> None:
    said = dagstead("token", "create", "--name", "ada")
    assert said.code == 2
    assert f"There is no control plane in '{tmp_path / 'data'}'" in said.err
    assert "--data" in said.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["token list", "daemon", "up"])
def test_a_database_that_does_not_answer_is_reported_in_a_sentence(
    dagstead: Command, command: str
) -> None:
    address = f"postgresql://ada:secret@127.0.0.1:{free_port()}/plane"
    said = dagstead(*command.split(), "--database", address)
    assert said.code == 1
    (line,) = said.err.splitlines()
    assert line.startswith("error: The database postgresql://ada:***@127.0.0.1")
    assert "refused" in line
    assert "secret" not in line


def test_deployments_are_made_listed_and_deleted(
    dagstead: Command, store: Store, tmp_path: Path
) -> None:
    assert dagstead("deployment", "create", "staging").code == 0
    again = dagstead("deployment", "create", "staging")
    assert (again.code, "already" in again.err) == (2, True)

    listed = dagstead("deployment", "list").out.splitlines()
    assert listed[0].split("\t")[:3] == ["name", "kind", "status"]
    assert listed[1].split("\t")[:3] == ["staging", "full", "open"]

    runs = tmp_path / "data" / "deployments" / "staging"
    runs.mkdir(parents=True)
    last = dagstead("deployment", "delete", "staging", "--yes")
    assert last.code == 2
    assert "'staging' is the last full deployment." in last.err
    assert "`dagstead deployment create NAME`" in last.err
    assert runs.exists()

    store.deployments.create("prod")
    assert dagstead("deployment", "delete", "staging", "--yes").code == 0
    assert [each.name for each in store.deployments.all()] == ["prod"]
    assert not runs.exists()


def test_a_deletion_asks_first(
    dagstead: Command, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.deployments.create("staging")
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    assert dagstead("deployment", "delete", "staging").code == 1
    assert [each.name for each in store.deployments.all()] == ["staging"]


def test_settings_of_a_deployment_come_back_as_they_went_in(
    dagstead: Command, store: Store, tmp_path: Path
) -> None:
    store.deployments.create("prod")
    file = tmp_path / "settings.yaml"
    file.write_text("run_queue:\n  max_concurrent_runs: 3\n", encoding="utf-8")
    assert dagstead("deployment", "settings", "prod", "--set-from", str(file)).code == 0
    assert dagstead("deployment", "settings", "prod").out == file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("run_queue:\n  max_concurent_runs: 3\n", "Did you mean 'max_concurrent_runs'?"),
        ("- a\n", "must be a mapping of settings"),
        ("a: [", "cannot be read"),
    ],
)
def test_wrong_settings_of_a_deployment_are_refused(
    dagstead: Command, store: Store, tmp_path: Path, text: str, sentence: str
) -> None:
    store.deployments.create("prod")
    file = tmp_path / "settings.yaml"
    file.write_text(text, encoding="utf-8")
    said = dagstead("deployment", "settings", "prod", "--set-from", str(file))
    assert said.code == 2
    assert sentence in said.err
    assert store.deployments.get("prod").settings == {}


def test_locations_are_listed_with_what_failed(store: Store, dagstead: Command) -> None:
    store.deployments.create("prod")
    for name in ("digits", "weather"):
        deploy(store, "prod", [new_location(name, "1")])
        store.releases.set_loaded("prod", name, deploy_id="1", manifest="{}")
    error = serialize_value(BROKEN)
    deploy(store, "prod", [new_location("digits", "2")])
    store.releases.set_failed("prod", "digits", deploy_id="2", error=error)
    store.releases.set_failed("prod", "weather", deploy_id="1", error=error)

    store.agents.record([heartbeat_of(now=store.clock())])

    said = dagstead("location", "list", "--format", "json")

    rows = {row["location"]: (row["state"], row["failure"]) for row in json.loads(said.out)}
    assert rows["weather"] == ("in error", "RuntimeError: warehouse is down")
    state, failure = rows["digits"]
    assert state == "in error, serving release 1"
    assert failure.endswith("It serves release 1 again. RuntimeError: warehouse is down")


@pytest.mark.usefixtures("store")
def test_empty_lists_say_what_to_do_next(dagstead: Command) -> None:
    for words in ("agent list", "location list", "deployment list", "token list"):
        said = dagstead(*words.split())
        assert said.out == ""
        assert said.err
        assert json.loads(dagstead(*words.split(), "--format", "json").out) == []


def test_the_settings_in_force_are_shown_with_their_sources(
    dagstead: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "plane.toml"
    file.write_text("port = 4000\n", encoding="utf-8")
    monkeypatch.setenv("DAGSTEAD_PROT", "1")
    said = dagstead("config", "show", "--config", str(file), "--format", "json")
    rows = {row["setting"]: row for row in json.loads(said.out)}
    assert (rows["port"]["value"], rows["port"]["from"]) == (4000, f"file {file}")
    assert rows["data"]["from"] == "environment DAGSTEAD_DATA"
    assert "Did you mean 'DAGSTEAD_PORT'?" in said.err


def test_old_names_of_groups_still_work(remote: Command) -> None:
    new = json.loads(remote("release", "list", "--deployment", "prod", "--format", "json").out)
    old = json.loads(remote("releases", "list", "--deployment", "prod", "--format", "json").out)
    assert new == old
    listed = {line.split()[0] for line in remote("--help").out.splitlines() if line.strip()}
    assert not {"releases", "workflows"} & listed
    assert {"release", "workflow"} <= listed
    assert remote("workflows", "--help").code == 0


def test_the_version_is_an_option_too(dagstead: Command) -> None:
    assert dagstead("--version").out == dagstead("version").out
