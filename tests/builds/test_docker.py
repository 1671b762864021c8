"""Hybrid locations as images: the commands that docker gets, and what its answers mean.

Docker is a stand-in here. ``tests/containers/test_build_images.py`` has the real one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dagstead.build.model import Platform
from dagstead.build.options import DockerOptions
from dagstead.build.results import BuildResult, Image
from tests.support.build_site import Site
from tests.support.stand_in_docker import Answer, StandInDocker

DIGEST = "sha256:" + "ab" * 32
OLD = {
    "buildx": Answer(text="docker: 'buildx' is not a docker command.", code=1),
    "--version": Answer(text="Docker version 20.10.24+dfsg1, build 297e128"),
    "push": Answer(text=f"v1: digest: {DIGEST} size: 1234\n"),
}
BUILDX = {"buildx build": Answer(metadata={"containerimage.digest": DIGEST})}

FAILURES = {
    "no daemon": (
        "ERROR: Cannot connect to the Docker daemon at unix:///var/run/docker.sock.",
        "The Docker daemon is not running. Start it",
    ),
    "not allowed": (
        "permission denied while trying to connect to the Docker daemon socket",
        "Add it to the group docker",
    ),
    "no room": (
        "#9 1.2 OSError: [Errno 28] No space left on device",
        "`docker builder prune` frees some",
    ),
    "copy": (
        (
            "ERROR: failed to solve: failed to compute cache key: failed to calculate checksum of "
            'ref moby::abc: "/models": not found'
        ),
        "digits/Dockerfile copies 'models', which is not in the build directory 'digits'",
    ),
    "copy, older": (
        'failed to compute cache key: "/models" not found: not found',
        "copies 'models', which is not in the build directory 'digits'",
    ),
    "step": (
        (
            'ERROR: failed to solve: process "/bin/sh -c pip install nope" did not complete '
            "successfully: exit code: 1"
        ),
        "ended with exit code 1: /bin/sh -c pip install nope",
    ),
    "step, older": (
        "executor failed running [/bin/sh -c pip install nope]: exit code: 1",
        "ended with exit code 1: /bin/sh -c pip install nope",
    ),
    "step that could reach nothing": (
        (
            '#5 connection refused\nERROR: process "/bin/sh -c curl x" did not complete '
            "successfully: exit code: 7"
        ),
        "ended with exit code 7: /bin/sh -c curl x",
    ),
    "base image": (
        "ERROR: docker.io/library/python:3.99: failed to resolve source metadata: not found",
        "cannot be pulled: docker.io/library/python:3.99",
    ),
    "syntax": (
        "ERROR: failed to solve: dockerfile parse error on line 2: unknown instruction: START",
        "cannot be read: unknown instruction: START",
    ),
    "secret": (
        "ERROR: failed to solve: secret pypi: not found",
        "--secret id=NAME,src=FILE",
    ),
    "login": (
        "unauthorized: authentication required",
        "`docker login registry.example.com`",
    ),
    "unreachable": (
        "Get https://registry.example.com/v2/: dial tcp: lookup registry.example.com: no such host",
        "registry.example.com/digits cannot be reached from here",
    ),
    "unknown repository": (
        "name unknown: The repository with name 'digits' does not exist in the registry",
        "has no repository registry.example.com/digits",
    ),
    "fixed tags": (
        (
            "tag invalid: The image tag 'buildcache-digits' already exists and cannot be "
            "overwritten because the tag is immutable."
        ),
        "--no-layer-cache",
    ),
    "git": (
        (
            "#7 1.2 git@git.example.com: Permission denied (publickey).\n"
            'ERROR: process "/bin/sh -c pip install ." did not complete successfully: exit code: 1'
        ),
        "Permission denied (publickey). Hand it an SSH agent (--ssh default",
    ),
    "anything else": ("out of cheese", "docker says why below"),
}


@pytest.fixture
def docker(tmp_path: Path) -> StandInDocker:
    return StandInDocker(folder=tmp_path / "bin")


@pytest.fixture
def digits(site: Site) -> Site:
    site.repository.write(
        {
            "dagster_cloud.yaml": """
            locations:
              - location_name: digits
                code_source: {package_name: digits}
                build: {directory: ./digits, registry: registry.example.com/digits}
                agent_queue: gpu
            """,
            "digits/Dockerfile": "FROM scratch\n",
        }
    )
    return site


def build(site: Site, docker: StandInDocker, **options: Any) -> tuple[BuildResult, Image]:
    """Build with the stand-in alone; the tag that it got is the plan's."""
    environment = site.environment(PATH=str(docker.folder), TOKEN="from outside")
    (built,) = site.build(environment=environment, docker=DockerOptions(**options))
    assert isinstance(built.result, Image)
    return built, built.result


def failure(site: Site, search_path: str, **options: Any) -> str:
    failed = site.failure(
        environment=site.environment(PATH=search_path),
        docker=DockerOptions(**options),
    )
    return failed.error.message


def test_buildx_builds_and_pushes_at_once(digits: Site, docker: StandInDocker) -> None:
    docker.install(BUILDX)

    built, image = build(digits, docker)

    (call,) = docker.calls("buildx", "build")
    assert image.tag in call.values("--tag")
    assert image == Image(
        reference=f"registry.example.com/digits@{DIGEST}", tag=image.tag, digest=DIGEST
    )
    assert built.document()["image"] == f"registry.example.com/digits@{DIGEST}"
    assert "--push" in call.words
    assert call.words[-1] == str(digits.repository.root / "digits")
    assert call.dockerfile == "FROM scratch\n"
    assert docker.calls("push") == []


def test_a_docker_without_buildx_builds_with_buildkit_then_pushes(
    digits: Site, docker: StandInDocker
) -> None:
    docker.install(OLD)

    _, image = build(digits, docker)

    (call,) = docker.calls("build")
    assert call.variables["DOCKER_BUILDKIT"] == "1"
    assert "--push" not in call.words
    pushed = [each.words[1] for each in docker.calls("push")]
    assert pushed == [image.tag, "registry.example.com/digits:buildcache-digits"]
    assert image.reference == f"registry.example.com/digits@{DIGEST}"


def test_layers_come_from_the_registry_and_stay_there(digits: Site, docker: StandInDocker) -> None:
    layers = "registry.example.com/digits:buildcache-digits"
    docker.install(BUILDX)

    build(digits, docker)
    build(digits, docker, cache=False)

    kept, fresh = docker.calls("buildx", "build")
    assert kept.values("--cache-from") == [layers]
    assert kept.values("--cache-to") == ["type=inline"]
    assert layers in kept.values("--tag")
    assert fresh.values("--cache-from") == fresh.values("--cache-to") == []
    assert len(fresh.values("--tag")) == 1


def test_values_of_arguments_are_not_in_the_list_of_processes(
    digits: Site, docker: StandInDocker
) -> None:
    docker.install(BUILDX)

    build(
        digits,
        docker,
        arguments={"TOKEN": "s3cret", "OTHER": None},
        secrets=("id=pip,src=pip.conf",),
        ssh=("default", "deploy=key.pem"),
    )

    (call,) = docker.calls("buildx", "build")
    assert call.values("--build-arg") == ["TOKEN", "OTHER"]
    assert call.variables["TOKEN"] == "s3cret"
    assert call.values("--secret") == ["id=pip,src=pip.conf"]
    assert call.values("--ssh") == ["default", "deploy=key.pem"]
    assert "s3cret" not in " ".join(call.words)


def test_an_image_that_stays_here_is_named_by_its_tag(digits: Site, docker: StandInDocker) -> None:
    docker.install({})

    _, image = build(digits, docker, push=False)

    (call,) = docker.calls("buildx", "build")
    assert "--load" in call.words
    assert (image.reference, image.digest) == (image.tag, None)
    assert docker.calls("push") == []


def test_a_generated_dockerfile_is_given_to_docker(digits: Site, docker: StandInDocker) -> None:
    (digits.repository.root / "digits" / "Dockerfile").unlink()
    digits.repository.write({"digits/requirements.txt": "dagster\ndagster-cloud\n"})
    docker.install(BUILDX)

    build(digits, docker)

    (call,) = docker.calls("buildx", "build")
    assert call.dockerfile.startswith("FROM python:3.")
    assert not (digits.repository.root / "digits" / "Dockerfile").exists()


def test_an_image_can_be_for_another_machine(digits: Site, docker: StandInDocker) -> None:
    docker.install(BUILDX)
    plan = digits.repository.plan(platform=Platform.AARCH64)

    digits.build(plan, environment=digits.environment(PATH=str(docker.folder)))

    assert docker.calls("buildx", "build")[0].values("--platform") == ["linux/arm64"]


@pytest.mark.parametrize("name", FAILURES)
def test_each_failure_is_reported_with_what_helps(
    digits: Site, docker: StandInDocker, name: str
) -> None:
    said, sentence = FAILURES[name]
    docker.install({"buildx build": Answer(text=f"{said}\n", code=1)})

    assert sentence in failure(digits, str(docker.folder))


def test_the_step_that_failed_is_shown(digits: Site, docker: StandInDocker) -> None:
    text = """
#5 [2/3] RUN false
#5 0.2 a long story
------
 > [2/3] RUN false:
#5 0.2 the end of it
------
ERROR: failed to solve: process "/bin/sh -c false" did not complete successfully: exit code: 1
"""
    docker.install({"buildx build": Answer(text=text, code=1)})

    failed = digits.failure(environment=digits.environment(PATH=str(docker.folder)))

    assert failed.output[0] == " > [2/3] RUN false:"
    assert "#5 0.2 a long story" not in failed.output


def test_a_refused_push_fails_the_build(digits: Site, docker: StandInDocker) -> None:
    docker.install({**OLD, "push": Answer(text="denied: requested access\n", code=1)})

    assert "`docker login registry.example.com`" in failure(digits, str(docker.folder))


def test_a_push_that_says_no_digest_fails_the_build(digits: Site, docker: StandInDocker) -> None:
    docker.install({**OLD, "push": Answer(text="pushed\n")})

    assert "printed no digest" in failure(digits, str(docker.folder))


def test_without_docker_it_says_what_to_do(digits: Site, tmp_path: Path) -> None:
    assert "docker is not installed here" in failure(digits, str(tmp_path))


def test_a_docker_that_cannot_build_is_passed_over(digits: Site, tmp_path: Path) -> None:
    useless = StandInDocker(folder=tmp_path / "new")
    useless.install({**OLD, "--version": Answer(text="Docker version 28.2.2, build e6534b4")})
    old = StandInDocker(folder=tmp_path / "old")
    old.install(OLD)

    assert "buildx is missing" in failure(digits, str(useless.folder))
    _, image = build(digits, StandInDocker(folder=Path(f"{useless.folder}:{old.folder}")))

    assert image.digest == DIGEST
    assert len(old.calls("build")) == 1


def test_a_daemon_that_is_down_is_reported_before_anything_is_built(
    digits: Site, docker: StandInDocker
) -> None:
    docker.install({"version": Answer(text="Cannot connect to the Docker daemon", code=1)})

    assert "is not running" in failure(digits, str(docker.folder))
    assert docker.calls("buildx", "build") == []
