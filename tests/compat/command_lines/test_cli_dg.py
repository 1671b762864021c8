"""The official ``dg`` command line against a control plane with an official agent."""

from __future__ import annotations

import pytest

from dagstead.plane.locations import LoadState
from dagstead.plane.tokens import TokenKind
from tests.support.cli_site import IMAGE_QUEUE, Site, with_docker
from tests.support.official_cli import OfficialCli

pytestmark = pytest.mark.compat

PROJECT = f"""
[project]
name = "dg-project"
version = "0.1.0"
requires-python = ">=3.11"

[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "dg_project"
registry_modules = []
code_location_name = "dg-project"
code_location_target_module = "compat_small"
agent_queue = "{IMAGE_QUEUE}"
"""


@pytest.fixture(scope="module")
def run_id(site: Site, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run of an asset and its check that was launched by command."""
    cli = site.cli(tmp_path_factory.mktemp("launch"))
    launched = cli.run(
        "dg api run launch",
        *("--location", "toy", "--asset-key", "source", "--wait", "--interval", "1", "--json"),
    )
    assert launched.json()["status"] == "SUCCESS"
    found: str = launched.json()["run_id"]
    return found


def project(cli: OfficialCli) -> OfficialCli:
    """A dg project in the working folder, and a ``docker`` on the PATH."""
    (cli.folder / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    package = cli.folder / "src" / "dg_project"
    (package / "defs").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "defs" / "__init__.py").touch()
    build = "registry: registry.example.org/dg-project\n"
    (cli.folder / "build.yaml").write_text(build, encoding="utf-8")
    return with_docker(cli)


def full_deployments(site: Site) -> set[str]:
    """All that there are; other tests of this folder have made some."""
    return {each.name for each in site.plane.store.deployments.all() if not each.is_branch}


def locations(site: Site) -> set[str]:
    """All of ``prod``."""
    return {each.name for each in site.plane.store.locations.all("prod")}


def test_lists(site: Site, cli: OfficialCli, run_id: str) -> None:
    def names(command: str, key: str, *arguments: str) -> list[str]:
        return [each[key] for each in cli.run(command, *arguments, "--json").json()["items"]]

    agents = cli.run("dg api agent list", "--json").json()["items"]
    assert {each["agent_label"] for each in agents} == {"plain", "image"}
    assert {each["status"] for each in agents} == {"RUNNING"}
    assert set(names("dg api deployment list", "name")) == full_deployments(site)
    assert set(names("dg api code-location list", "location_name")) == locations(site)
    assert run_id in names("dg api run list", "id")
    assert "greeting" in names("dg api job list", "name")
    # Assets are listed whether or not they were ever materialized.
    assert {"source", "lettered"} <= set(names("dg api asset list", "asset_key"))
    assert names("dg api asset-check list", "name", "--asset-key", "source") == ["is_fine"]
    assert names("dg api schedule list", "name") == ["every_minute"]
    assert {"once", "broken_sensor"} <= set(names("dg api sensor list", "name"))


def test_gets(cli: OfficialCli, run_id: str) -> None:
    (agent, *_) = cli.run("dg api agent list", "--json").json()["items"]
    assert cli.run("dg api agent get", agent["id"], "--json").json()["id"] == agent["id"]
    assert cli.run("dg api deployment get", "prod", "--json").json()["type"] == "PRODUCTION"
    found = cli.run("dg api code-location get", "toy", "--json").json()
    assert found["status"] == "LOADED"
    assert cli.run("dg api run get", run_id, "--json").json()["status"] == "SUCCESS"
    assert "greeting" in cli.run("dg api job get", "greeting").stdout
    assert "source" in cli.run("dg api asset get", "source").stdout
    assert "every_minute" in cli.run("dg api schedule get", "every_minute").stdout
    assert "once" in cli.run("dg api sensor get", "once").stdout


def test_what_happened(cli: OfficialCli, run_id: str) -> None:
    assert "said to the event log" in cli.run("dg api run get-events", run_id).stdout
    assert "said on stdout" in cli.run("dg api run get-logs", run_id).stdout
    assert run_id in cli.run("dg api asset get-events", "source").stdout
    executions = cli.run(
        "dg api asset-check get-executions", "--asset-key", "source", "--check-name", "is_fine"
    )
    assert run_id in executions.stdout
    cli.run("dg api asset get-health", "source")
    cli.run("dg api asset get-evaluations", "source")
    assert "2" in cli.run("dg api asset get-partition-status", "lettered").stdout
    cli.run("dg api schedule get-ticks", "every_minute")
    cli.run("dg api sensor get-ticks", "once")


def test_what_is_not_there_is_told(cli: OfficialCli) -> None:
    assert "not found" in cli.run("dg api deployment get", "prd", fails=True).text
    assert "not found" in cli.run("dg api code-location get", "ty", fails=True).text


def test_locations_by_hand(site: Site, cli: OfficialCli) -> None:
    before = locations(site)
    cli.run("dg api code-location add", "by-dg", "--module-name", "compat_small")
    assert locations(site) == before | {"by-dg"}
    cli.run("dg api code-location delete", "by-dg")
    assert locations(site) == before


def test_deployments_and_settings(site: Site, cli: OfficialCli) -> None:
    before = full_deployments(site)
    site.plane.store.deployments.create("passing")
    file = cli.folder / "settings.yaml"
    file.write_text("run_retries: {max_retries: 2}", encoding="utf-8")
    cli.run("dg api deployment settings set", file, "--deployment", "passing")
    got = cli.run("dg api deployment settings get", "--deployment", "passing")
    assert "max_retries: 2" in got.stdout
    cli.run("dg api deployment delete", "passing", "--allow-delete-full-deployment")
    assert full_deployments(site) == before
    file.write_text("branch_deployments: {close_after_days: 14}", encoding="utf-8")
    cli.run("dg api organization settings set", file)
    assert "close_after_days: 14" in cli.run("dg api organization settings get").stdout


def test_artifacts(cli: OfficialCli) -> None:
    sent, received = cli.folder / "sent", cli.folder / "received"
    sent.write_text("manifest", encoding="utf-8")
    cli.run("dg api artifact upload", "dbt/manifest.json", sent)
    cli.run("dg api artifact download", "dbt/manifest.json", received)
    assert received.read_text(encoding="utf-8") == "manifest"


def test_an_agent_token_is_made(site: Site, cli: OfficialCli) -> None:
    said = cli.run("dg plus create ci-api-token", "--description", "made by dg")
    token = site.plane.store.tokens.authenticate(said.stdout.strip())
    assert (token.name, token.kind) == ("made by dg", TokenKind.AGENT)


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("dg api issue list", []),
        ("dg api issue get", ["1"]),
        ("dg api issue create", ["--title", "t", "--description", "d"]),
        ("dg api issue update", ["1", "--status", "closed"]),
        ("dg api issue add-link", ["1", "--run-id", "x"]),
        ("dg api issue remove-link", ["1", "--run-id", "x"]),
    ],
    ids=["list", "get", "create", "update", "add-link", "remove-link"],
)
def test_issues_are_refused_with_a_sentence(
    cli: OfficialCli, command: str, arguments: list[str]
) -> None:
    said = cli.run(command, *arguments, fails=True).text
    assert "Issues are not offered" in said


@pytest.mark.parametrize(
    ("command", "arguments", "said"),
    [
        ("dg api organization saml upload", ["file.xml"], "SAML single sign-on is not offered"),
        # Of any failure it prints the status only.
        ("dg api organization saml remove", [], "501 Server Error: Not Implemented"),
    ],
    ids=["upload", "remove"],
)
def test_there_is_no_single_sign_on(
    cli: OfficialCli, command: str, arguments: list[str], said: str
) -> None:
    (cli.folder / "file.xml").touch()
    assert said in cli.run(command, *arguments, fails=True).text


def test_deploy_in_its_parts(site: Site, cli: OfficialCli) -> None:
    cli = project(cli)
    cli.run("dg plus deploy start", "--deployment-type", "full", "--yes")
    alone = cli.without_server()
    assert "dg-project" in alone.run("dg plus deploy list-locations").stdout
    assert "project-dir" in alone.run("dg plus deploy inspect").stdout
    alone.run("dg plus deploy deselect", "dg-project")
    alone.run("dg plus deploy select", "dg-project")
    cli.run("dg plus deploy build-and-push")
    built = (cli.folder / "docker.log").read_text(encoding="utf-8")
    assert "build" in built
    assert "push registry.example.org/dg-project:dg-project-" in built
    alone.run("dg plus deploy set-build-output", "--image-tag", "chosen")
    cli.run("dg plus deploy finish")
    assert '"success"' in alone.run("dg plus deploy status").stdout
    deployed = site.plane.store.locations.get("prod", "dg-project")
    assert deployed.document["image"] == "registry.example.org/dg-project:chosen"
    assert deployed.queue == IMAGE_QUEUE
    assert deployed.state is LoadState.LOADED
    cli.run("dg api code-location delete", "dg-project")


def test_deploy_in_one(site: Site, cli: OfficialCli) -> None:
    cli = project(cli)
    deployed = cli.run("dg plus deploy", "--deployment-type", "full", "--yes")
    assert "Agent synced changes to dg-project" in deployed.text
    assert site.plane.store.locations.get("prod", "dg-project").state is LoadState.LOADED
    cli.run("dg api code-location delete", "dg-project")


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("dg plus deploy configure serverless", []),
        (
            "dg plus deploy configure hybrid",
            ["--agent-platform", "docker", "--registry-url", "registry.example.org/dg-project"],
        ),
    ],
)
def test_files_for_a_deploy_are_written_without_a_server(
    cli: OfficialCli, command: str, arguments: list[str]
) -> None:
    alone = project(cli).without_server()
    alone.run(
        command,
        *("--git-provider", "github", "--git-root", cli.folder, "--python-version", "3.11"),
        *("--organization", "org", "--deployment", "prod", "--yes", *arguments),
    )
    assert list((cli.folder / ".github" / "workflows").glob("*.yml"))


def test_configuration_needs_no_server(cli: OfficialCli) -> None:
    alone = cli.without_server()
    assert "prod" in alone.run("dg plus config view").text
    assert "deployment: other" in alone.run("dg plus config set", "--deployment", "other").text
