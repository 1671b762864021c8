"""Serverless locations as images: built by the official command lines, pushed here, run here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from importlib.metadata import version as distribution_version
from pathlib import Path

import pytest

from dagstead.server.registry.removal import registry_of
from dagstead.server.settings_sources import load_settings
from dagstead.serverless.docker import labels
from tests.support.command_records import Recorder
from tests.support.containers.docker import Docker
from tests.support.containers.pool import PACKAGES, pool_with_registry
from tests.support.containers.registry import Registry
from tests.support.control_plane import ControlPlane
from tests.support.deployment import DeploymentClient
from tests.support.environments import own_environment
from tests.support.git import commit_all
from tests.support.official_cli import OfficialCli
from tests.support.pex import borrowing_wheel

pytestmark = pytest.mark.containers

PYTHON = "3.11"
_CODE = """
import os
from pathlib import Path

import dagster as dg


@dg.op
def look(context):
    context.log.info(f"greeting {os.environ.get('GREETING', 'none')}")
    context.log.info(f"hooks {sorted(each.name for each in Path('/hooks').glob('*'))}")


@dg.job(executor_def=dg.in_process_executor)
def looking():
    look()


defs = dg.Definitions(jobs=[looking])
"""
#: As Dagster+ documents it: run while the image is built, before and after the requirements.
_HOOK = "#!/bin/sh\nmkdir -p /hooks && touch /hooks/{name}\n"
#: The images that the official command line makes of PEX files have what is installed, and nothing
#: of the working folder.
_PACKAGE = """
from setuptools import setup

setup(name="bundled", version="0.1", py_modules=["bundled"], install_requires={needs})
"""
_DG_PROJECT = """
[project]
name = "dg-project"
version = "0.1.0"
requires-python = ">=3.11"

[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "dg_project"
registry_modules = []
code_location_name = "by-dg"
code_location_target_module = "by_dg"
"""
_LOAD = ("--location-load-timeout", "180")


@dataclass(frozen=True, kw_only=True)
class Site:
    """A control plane with a registry and a pool in containers, and a CI job."""

    plane: ControlPlane
    prod: DeploymentClient
    docker: Docker
    cli: OfficialCli
    #: Has Dagster, in place of public images, which this machine does not reach.
    base: str

    @property
    def host(self) -> str:
        return self.plane.url.removeprefix("http://")

    def image_of(self, location: str) -> str:
        (server,) = self.docker.containers(labels.SERVER, f"{labels.LOCATION}={location}")
        name: str = server["Config"]["Image"]
        return name

    def seen_by_a_run(self, location: str) -> str:
        return seen_by_a_run(self.prod, location)


def seen_by_a_run(prod: DeploymentClient, location: str) -> str:
    """What a run of a location says."""
    run_id = prod.launch(location, "looking")
    prod.succeed(run_id)
    return prod.messages(run_id)


@pytest.fixture(scope="module")
def site(
    docker: Docker,
    registry: Registry,
    agent_image: str,
    command_recorder: Recorder,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("serverless-images")
    (folder / "Dockerfile").write_text(f"FROM {agent_image}\nUSER root\nWORKDIR /\n")
    base = docker.build("dagstead-test/serverless-base", folder)
    with ExitStack() as stack:
        plane = stack.enter_context(
            ControlPlane(
                folder,
                pool=True,
                variables=pool_with_registry(
                    f"http://{registry.address}/dagstead", pool_base_image=agent_image
                ),
            )
        )
        prod = plane.deployment("prod")
        stack.callback(prod.close)
        cli = OfficialCli(
            url=plane.url,
            token=plane.user_token("ci"),
            recorder=command_recorder,
            folder=folder,
            more=docker.choice(),
        )
        yield Site(plane=plane, prod=prod, docker=docker, cli=cli, base=base)


@pytest.fixture
def job(site: Site, tmp_path: Path) -> OfficialCli:
    """A CI job in a folder of its own."""
    return replace(site.cli, folder=tmp_path)


def project(folder: Path, name: str, *, needs: str = "") -> Path:
    """A location's code, in a folder of its name."""
    code = folder / name
    code.mkdir()
    (code / f"{name}.py").write_text(_CODE)
    (code / "requirements.txt").write_text(needs)
    return code


def write_document(folder: Path, *names: str, by_module: bool = False) -> None:
    """``dagster_cloud.yaml`` with a location for each."""
    document = {
        "locations": [
            {
                "location_name": name,
                "code_source": {"module_name": name}
                if by_module
                else {"python_file": f"{name}.py"},
                "build": {"directory": f"./{name}"},
            }
            for name in names
        ]
    }
    (folder / "dagster_cloud.yaml").write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("command", "location"),
    [
        ("dagster-cloud serverless deploy-docker", "first"),
        ("dagster-cloud serverless deploy", "alias"),
    ],
)
def test_deploy_docker_brings_an_image_that_runs(
    site: Site, job: OfficialCli, command: str, location: str
) -> None:
    code = project(job.folder, "first")
    for name in ("pre", "post"):
        hook = code / f"dagster_cloud_{name}_install.sh"
        hook.write_text(_HOOK.format(name=name))
        hook.chmod(0o755)

    said = job.run(
        command,
        code,
        *("--deployment", "prod", "--location-name", location, "--python-file", "first.py"),
        *("--base-image", site.base, "--env", "GREETING=hello", *_LOAD),
    )

    assert f"Added or updated location {location}" in said.text
    image = site.image_of(location)
    assert image.startswith(f"{site.host}/prod:prod-{location}-")
    assert "@sha256:" in image
    messages = site.seen_by_a_run(location)
    assert "greeting hello" in messages
    assert "hooks ['post', 'pre']" in messages


def test_a_session_builds_and_deploys_images(site: Site, job: OfficialCli) -> None:
    for name in ("second", "third"):
        project(job.folder, name)
    write_document(job.folder, "second", "third")
    commit_all(job.folder)

    job.run("dagster-cloud ci init", "--project-dir", ".")
    built = job.run(
        "dagster-cloud ci build",
        *("--build-strategy", "docker", "--docker-base-image", site.base),
        *("--docker-env", "GREETING=session"),
    )
    deployed = job.run("dagster-cloud ci deploy")

    assert f"Built and uploaded image {site.host}/prod:prod-second-" in built.text
    assert "Agent synced changes to" in deployed.text
    assert "greeting session" in site.seen_by_a_run("second")
    assert "greeting session" in site.seen_by_a_run("third")


def test_an_image_is_built_and_uploaded_by_hand(site: Site, job: OfficialCli) -> None:
    code = project(job.folder, "by_hand")

    built = job.run(
        "dagster-cloud serverless build",
        *("by-hand", "--source-directory", code, "--base-image", site.base),
    )
    pushed = job.run("dagster-cloud serverless upload", "by-hand")

    assert f"Built image {site.host}/prod:by-hand" in built.text
    assert "Pushed image by-hand" in pushed.text
    site.prod.deploy("by-hand", "by_hand", image=f"{site.host}/prod:by-hand")
    site.prod.wait_until_loaded("by-hand")
    assert "greeting none" in site.seen_by_a_run("by-hand")


def test_registry_info_logs_any_client_in(site: Site, job: OfficialCli) -> None:
    said = job.run("dagster-cloud serverless registry-info")

    given = dict(line.split("=", 1) for line in said.stdout.split())
    assert given["REGISTRY_URL"] == f"{site.host}/prod"
    assert given["CUSTOM_BASE_IMAGE_ALLOWED"] == "1"
    login = ("--username", given["AWS_ECR_USERNAME"], "--password", given["AWS_ECR_PASSWORD"])
    assert "Login Succeeded" in site.docker.run("login", *login, given["REGISTRY_URL"])
    site.docker.run("tag", site.base, f"{given['REGISTRY_URL']}:logged-in")
    site.docker.run("push", f"{given['REGISTRY_URL']}:logged-in")


def test_pex_files_run_on_an_uploaded_base_image(site: Site, job: OfficialCli) -> None:
    (job.folder / "Dockerfile").write_text(f"FROM {site.base}\nENV GREETING=base\n")
    site.docker.build("dagstead-test/custom-base", job.folder)
    wheels = job.folder / "wheels"
    wheels.mkdir()
    needs = [
        f"{name} @ {borrowing_wheel(wheels, name, PACKAGES).as_uri()}"
        for name in ("dagster", "dagster-cloud")
    ]
    code = project(job.folder, "on_base", needs="\n".join(needs))
    job = replace(job, environment=own_environment())

    uploaded = job.run(
        "dagster-cloud serverless upload-base-image",
        *("dagstead-test/custom-base", "--published-tag", "custom"),
    )
    deployed = job.run(
        "dagster-cloud serverless deploy-python-executable",
        code,
        *("--location-name", "on-base", "--python-file", "on_base.py", *_LOAD),
        *("--python-version", PYTHON, "--build-method", "local", "--base-image-tag", "custom"),
    )

    assert "Pushed image custom" in uploaded.text
    assert f"Will deploy on-base on image: {site.host}/prod:custom" in deployed.text
    assert site.image_of("on-base").startswith("dagstead-code:")
    assert "greeting base" in site.seen_by_a_run("on-base")


def test_a_sweep_removes_images_from_the_registry(site: Site, registry: Registry) -> None:
    flags = {"registry_url": f"http://{registry.address}/dagstead"}
    own = registry_of(load_settings(flags, environment={}).settings)
    assert own is not None
    name = f"{site.host}/prod:swept"
    site.docker.run("login", "--username", "me", "--password", site.cli.token, site.host)
    site.docker.run("tag", site.base, name)
    pushed = site.docker.run("push", name)
    (image,) = [
        each for each in site.plane.store.pushed_images.within(["prod"]) if each.tag == "swept"
    ]

    assert image.digest in pushed
    assert own.remove("prod", image.digest)
    # It was removed before.
    assert own.remove("prod", image.digest)
    with pytest.raises(AssertionError, match="manifest unknown|not found"):
        site.docker.run("pull", f"{site.host}/prod@{image.digest}")


def test_dg_deploys_an_image(site: Site, job: OfficialCli) -> None:
    (job.folder / "pyproject.toml").write_text(_DG_PROJECT)
    (job.folder / "by_dg.py").write_text(_CODE)
    for folder in ("dg_project", "dg_project/defs"):
        package = job.folder / "src" / folder
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
    (job.folder / "Dockerfile").write_text(
        f"FROM {site.base}\nWORKDIR /code\nCOPY . .\nENV GREETING=dg\n"
    )

    said = job.run(
        "dg plus deploy", "--agent-type", "serverless", "--deployment-type", "full", "--yes"
    )

    assert "Agent synced changes to by-dg" in said.text
    assert site.image_of("by-dg").startswith(f"{site.host}/prod:prod-by-dg-")
    assert "greeting dg" in site.seen_by_a_run("by-dg")


@pytest.mark.thorough
def test_pex_builds_become_images_where_the_installation_wants_it(
    docker: Docker,
    registry: Registry,
    command_recorder: Recorder,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """With the real packages, as nothing that this image has may be borrowed."""
    folder = tmp_path_factory.mktemp("pex-images")
    variables = pool_with_registry(f"http://{registry.address}", registry_pex_images="true")
    with (
        ControlPlane(folder, pool=True, variables=variables) as plane,
        closing(plane.deployment("prod")) as prod,
    ):
        job = OfficialCli(
            url=plane.url,
            token=plane.user_token("ci"),
            recorder=command_recorder,
            folder=folder,
            environment=own_environment(),
            more=docker.choice(),
        )
        needs = [f"{name}=={distribution_version(name)}" for name in ("dagster", "dagster-cloud")]
        (project(folder, "bundled") / "setup.py").write_text(_PACKAGE.format(needs=needs))
        write_document(folder, "bundled", by_module=True)
        commit_all(folder)

        job.run("dagster-cloud ci init", "--project-dir", ".")
        built = job.run(
            "dagster-cloud ci build",
            *("--build-strategy", "python-executable", "--pex-build-method", "local"),
            *("--python-version", PYTHON),
        )
        job.run("dagster-cloud ci deploy")

        host = plane.url.removeprefix("http://")
        assert "building a Docker image from the same PEX artifacts instead" in built.text
        document = plane.store.locations.get("prod", "bundled").document
        assert document["image"].startswith(f"{host}/prod/bundled:prod-bundled-")
        assert "greeting none" in seen_by_a_run(prod, "bundled")
