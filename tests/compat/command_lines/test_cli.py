"""The official ``dagster-cloud`` command line against a control plane with an official agent."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from dagstead.plane.deployments import branch_deployment_name
from tests.support.cli_site import IMAGE_QUEUE, Site, with_docker
from tests.support.deployment import USER_CODE
from tests.support.git import git
from tests.support.official_cli import OfficialCli, Said

pytestmark = pytest.mark.compat

#: For commands that are to leave a location behind, whether or not an agent loads it.
NO_WAIT = ("--location-load-timeout", "0", "--agent-heartbeat-timeout", "0")
WITH_DOCKER = ("--location-name", "docker", "--module-name", "compat_small")
JOB_CONFIG = json.dumps({"ops": {"greet": {"config": {"name": "cli"}}}})


def write_yaml(cli: OfficialCli, name: str, document: object) -> Path:
    path = cli.folder / name
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


def location(name: str, **more: object) -> dict[str, Any]:
    return {
        "location_name": name,
        "code_source": {"module_name": "compat_small"},
        "working_directory": str(USER_CODE),
        **more,
    }


def image_location(name: str) -> dict[str, Any]:
    registry = f"registry.example.org/{name}"
    return location(name, agent_queue=IMAGE_QUEUE, build={"directory": ".", "registry": registry})


def start_session(cli: OfficialCli, *names: str) -> Said:
    write_yaml(cli, "dagster_cloud.yaml", {"locations": [image_location(name) for name in names]})
    return cli.run("dagster-cloud ci init", "--project-dir", ".")


def session(cli: OfficialCli) -> dict[str, dict[str, Any]]:
    lines = cli.without_server().run("dagster-cloud ci status").stdout.splitlines()
    states = [json.loads(line) for line in lines if line.startswith("{")]
    return {state["location_name"]: state for state in states}


def test_session_deploys_images_to_their_queue(site: Site, cli: OfficialCli) -> None:
    started = start_session(cli, "ci-one", "ci-two", "ci-three")
    assert "Deploying to prod." in started.text
    alone = cli.without_server()
    alone.run("dagster-cloud ci locations-deselect", "ci-three")
    listed = alone.run("dagster-cloud ci locations-list").stdout
    assert "ci-three DESELECTED" in listed
    alone.run("dagster-cloud ci set-build-output", "--image-tag", "v1")
    deployed = cli.run("dagster-cloud ci deploy")
    assert "Agent synced changes to" in deployed.text
    states = session(cli)
    assert states["ci-one"]["history"][-1]["status"] == "success"
    assert states["ci-one"]["build_output"]["image"] == "registry.example.org/ci-one:v1"
    assert states["ci-three"]["history"][-1]["status"] == "pending"
    names = {each.name for each in site.plane.store.locations.all("prod")}
    assert {"ci-one", "ci-two"} <= names
    assert "ci-three" not in names
    alone.run("dagster-cloud ci locations-select", "ci-three")
    assert "DESELECTED" not in alone.run("dagster-cloud ci locations-list").stdout


def test_failed_load_fails_the_deploy_with_its_reason(cli: OfficialCli) -> None:
    broken = {**image_location("ci-broken"), "code_source": {"module_name": "compat_broken"}}
    write_yaml(cli, "dagster_cloud.yaml", {"locations": [broken]})
    cli.run("dagster-cloud ci init", "--project-dir", ".")
    cli.without_server().run("dagster-cloud ci set-build-output", "--image-tag", "v1")
    failed = cli.run("dagster-cloud ci deploy", fails=True)
    assert "the code location is broken on purpose" in failed.text
    assert session(cli)["ci-broken"]["history"][-1]["status"] == "failed"


def test_check_and_template_need_no_server(cli: OfficialCli) -> None:
    write_yaml(cli, "dagster_cloud.yaml", {"locations": [location("ci-checked")]})
    alone = cli.without_server()
    checked = alone.run(
        "dagster-cloud ci check",
        *("--project-dir", ".", "--dagster-cloud-connect-check", "skip"),
    )
    assert "Passed: 1" in checked.text
    assert "ci-checked" in alone.run("dagster-cloud ci template", "--project-dir", ".").stdout
    alone.run("dagster-cloud ci inspect", ".")


def in_repository(cli: OfficialCli, branch: str) -> None:
    git(cli.folder, "init", "--initial-branch", branch)
    git(cli.folder, "remote", "add", "origin", "https://github.com/org/repo.git")
    git(cli.folder, "commit", "--allow-empty", "--message", "Begin")


def test_branch_of_a_repository_has_its_deployment(site: Site, tmp_path: Path) -> None:
    # With an organization the command goes to dagster.cloud, whatever the address is.
    cli = site.cli(tmp_path, more={"DAGSTER_CLOUD_ORGANIZATION": ""}, deployment=None)
    in_repository(cli, "feature")
    made = cli.run("dagster-cloud ci branch-deployment", ".").stdout.split()[-1]
    named = cli.run("dagster-cloud ci branch-deployment", ".", "--read-only").stdout.split()[-1]
    assert made == named == branch_deployment_name("org/repo", "feature")
    stored = site.plane.store.deployments.get(made)
    assert stored.branch is not None
    assert stored.branch.author_email == "ada@example.org"
    cli.run("dagster-cloud ci branch-deployment", ".", "--mark-closed")
    assert site.plane.store.deployments.get(made).closed


def test_session_goes_to_a_branch_deployment(site: Site, cli: OfficialCli) -> None:
    in_repository(cli, "branchy")
    write_yaml(cli, "dagster_cloud.yaml", {"locations": [image_location("on-branch")]})
    cli.run("dagster-cloud ci init", "--project-dir", ".", "--require-branch-deployment")
    cli.without_server().run("dagster-cloud ci set-build-output", "--image-tag", "v1")
    cli.run("dagster-cloud ci deploy")
    name = branch_deployment_name("org/repo", "branchy")
    assert [each.name for each in site.plane.store.locations.all(name)] == ["on-branch"]
    assert site.plane.store.deployments.get(name).base == "prod"


def test_branch_deployment_by_command(site: Site, cli: OfficialCli) -> None:
    name = cli.run(
        "dagster-cloud branch-deployment create-or-update",
        *("--url", site.plane.url, "--git-repo-name", "org/repo", "--branch-name", "by-hand"),
        *("--commit-hash", "c0ffee", "--timestamp", "1.5", "--base-deployment-name", "prod"),
    ).stdout.split()[-1]
    assert site.plane.store.deployments.get(name).is_branch
    cli.run("dagster-cloud branch-deployment delete", "--deployment", name)
    with suppress(Exception):
        site.plane.store.deployments.get(name)
        pytest.fail("the branch deployment is still there")


def test_full_deployment_is_no_branch(cli: OfficialCli) -> None:
    refused = cli.run("dagster-cloud branch-deployment delete", "--deployment", "prod", fails=True)
    assert "prod is not a branch deployment" in refused.text


@pytest.mark.parametrize(
    ("add", "update", "listing", "pull", "delete"),
    [
        (
            "dagster-cloud workspace add-location",
            "dagster-cloud workspace update-location",
            "dagster-cloud workspace list",
            "dagster-cloud workspace pull",
            "dagster-cloud workspace delete-location",
        ),
        (
            "dagster-cloud deployment add-location",
            "dagster-cloud deployment update-location",
            "dagster-cloud deployment list-locations",
            "dagster-cloud deployment pull-locations",
            "dagster-cloud deployment delete-location",
        ),
    ],
)
def test_locations_by_hand(
    cli: OfficialCli, add: str, update: str, listing: str, pull: str, delete: str
) -> None:
    name = f"by-hand-{add.split()[1]}"
    code = ("--module-name", "compat_small", "--working-directory", USER_CODE)
    cli.run(add, name, *code, *NO_WAIT)
    cli.run(update, name, *code, "--commit-hash", "c0ffee", *NO_WAIT)
    assert name in cli.run(listing).stdout.split()
    (pulled,) = (
        each for each in cli.run(pull).yaml()["locations"] if each["location_name"] == name
    )
    assert pulled["git"] == {"commit_hash": "c0ffee"}
    cli.run(delete, name)
    assert name not in cli.run(listing).stdout.split()
    assert "has no code location" in cli.run(delete, name, fails=True).text


def test_added_location_is_waited_for(cli: OfficialCli) -> None:
    code = ("--module-name", "compat_small", "--working-directory", USER_CODE)
    added = cli.run("dagster-cloud workspace add-location", "waited-for", *code)
    assert "Agent synced changes to waited-for." in added.text


def test_wrong_location_is_told_by_sentences(cli: OfficialCli) -> None:
    wrong = write_yaml(cli, "location.yaml", location("wrong", agent_queue="", imag="x"))
    refused = cli.run("dagster-cloud workspace add-location", "--from", wrong, fails=True).text
    assert "agent_queue is ''" in refused
    assert "Did you mean 'image'?" in refused


def test_a_queue_that_nobody_serves_is_refused_at_once_with_the_one_that_is_meant(
    site: Site, cli: OfficialCli
) -> None:
    deployments = site.plane.store.deployments
    patient = deployments.get("prod").settings
    deployments.set_settings("prod", {})
    file = write_yaml(cli, "location.yaml", location("typed", agent_queue="imag-queue"))
    try:
        refused = cli.run("dagster-cloud workspace add-location", "--from", file, fails=True).text
    finally:
        deployments.set_settings("prod", patient)
    assert "No running agent serves queue 'imag-queue'" in refused
    assert "Did you mean 'image-queue'?" in refused


@pytest.mark.parametrize(
    "sync", ["dagster-cloud workspace sync", "dagster-cloud deployment sync-locations"]
)
def test_sync_makes_the_workspace_what_the_file_says(site: Site, tmp_path: Path, sync: str) -> None:
    deployment = f"synced-{sync.split()[1]}"
    site.plane.deployment(deployment).close()
    cli = site.cli(tmp_path, deployment=deployment)
    for names, removes in ((["one", "two"], []), (["two"], ["one"])):
        file = write_yaml(cli, "workspace.yaml", {"locations": [location(each) for each in names]})
        cli.run(sync, "--workspace", file, *NO_WAIT)
        [newest] = site.plane.store.releases.all(deployment, limit=1)
        assert [each.name for each in newest.parts] == names
        # They end when what replaces them is live.
        assert list(newest.removes) == removes


def test_deployment_settings(site: Site, tmp_path: Path) -> None:
    site.plane.store.deployments.create("set-up")
    cli = site.cli(tmp_path, deployment="set-up")
    wanted = {"run_queue": {"max_concurrent_runs": 7}, "run_retries": {"max_retries": 2}}
    good = write_yaml(cli, "settings.yaml", wanted)
    cli.run("dagster-cloud deployment settings set-from-file", good)
    wrong = write_yaml(cli, "wrong.yaml", {"run_queu": {}})
    refused = cli.run("dagster-cloud deployment settings set-from-file", wrong, fails=True)
    assert "Did you mean 'run_queue'?" in refused.text
    assert cli.run("dagster-cloud deployment settings get").yaml() == wanted


def test_organization_settings(cli: OfficialCli) -> None:
    wanted = {"max_concurrent_branch_deployment_runs": 7}
    file = write_yaml(cli, "settings.yaml", wanted)
    cli.run("dagster-cloud organization settings set-from-file", file)
    assert cli.run("dagster-cloud organization settings get").yaml() == wanted


@pytest.mark.parametrize(
    ("upload", "download"),
    [
        (
            "dagster-cloud deployment upload-artifact",
            "dagster-cloud deployment download-artifact",
        ),
        (
            "dagster-cloud organization upload-artifact",
            "dagster-cloud organization download-artifact",
        ),
    ],
)
def test_artifacts(cli: OfficialCli, upload: str, download: str) -> None:
    sent, received = cli.folder / "sent", cli.folder / "received"
    sent.write_text("manifest", encoding="utf-8")
    cli.run(upload, "dbt/manifest.json", sent)
    cli.run(download, "dbt/manifest.json", received)
    assert received.read_text(encoding="utf-8") == "manifest"


def test_job_is_launched_and_waited_for(cli: OfficialCli) -> None:
    launched = cli.run(
        "dagster-cloud job launch",
        *("--location", "toy", "--job", "greeting", "--config-json", JOB_CONFIG),
        *("--wait", "--interval", "1"),
    )
    assert "finished successfully" in launched.text
    run_id = launched.text.split()[1]
    assert cli.run("dagster-cloud run status", run_id).stdout.strip() == "SUCCESS"


def test_unknown_job_and_run_are_told(cli: OfficialCli) -> None:
    missing = cli.run(
        "dagster-cloud job launch", "--location", "toy", "--job", "no-such", fails=True
    )
    assert "PipelineNotFoundError" in missing.text
    assert "RunNotFoundError" in cli.run("dagster-cloud run status", "no-such").text


@pytest.mark.parametrize(
    ("command", "arguments", "sentence"),
    [
        ("dagster-cloud integration atlan get-settings", [], "The Atlan integration is not"),
        ("dagster-cloud integration atlan preflight-check", [], "The Atlan integration is not"),
        ("dagster-cloud integration atlan delete-settings", [], "The Atlan integration is not"),
        (
            "dagster-cloud integration atlan set-settings",
            ["token", "example.atlan.com"],
            "The Atlan integration is not",
        ),
    ],
)
def test_other_offers_are_refused_with_a_sentence(
    cli: OfficialCli, command: str, arguments: list[str], sentence: str
) -> None:
    assert sentence in cli.run(command, *arguments, fails=True).text


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("dagster-cloud serverless deploy", [".", *WITH_DOCKER]),
        ("dagster-cloud serverless deploy-docker", [".", *WITH_DOCKER]),
        ("dagster-cloud serverless upload", ["image"]),
        ("dagster-cloud serverless upload-base-image", ["image:1"]),
    ],
)
def test_there_is_no_image_registry(
    site: Site, cli: OfficialCli, command: str, arguments: list[str]
) -> None:
    assert "No registry found" in with_docker(cli).run(command, *arguments, fails=True).text
    assert "docker" not in {each.name for each in site.plane.store.locations.all("prod")}


def test_registry_info_is_empty(cli: OfficialCli) -> None:
    assert cli.run("dagster-cloud serverless registry-info").stdout.strip() == ""


def test_configuration_needs_no_server(cli: OfficialCli) -> None:
    alone = cli.without_server()
    assert "default_deployment: prod" in alone.run("dagster-cloud config view").text


def test_foreign_deployment_is_refused(site: Site, tmp_path: Path) -> None:
    site.plane.store.deployments.create("staging")
    token = site.plane.user_token("limited", deployments=["staging"])
    refused = site.cli(tmp_path, token=token).run("dagster-cloud workspace list", fails=True)
    assert "may not use deployment 'prod'" in refused.text
