"""Hybrid locations built as images by a real Docker, and pushed to a real registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from dagstead.build.events import OutputLine
from dagstead.build.model import DockerPlan
from dagstead.build.options import DockerOptions
from dagstead.build.results import Image
from tests.support.build_site import Site, make_site
from tests.support.containers.base_image import BASE_IMAGE
from tests.support.containers.docker import Docker
from tests.support.containers.registry import Registry
from tests.support.ports import free_port

pytestmark = pytest.mark.containers

DOCKERFILE = f"""
    FROM {BASE_IMAGE}
    ARG GREETING=nobody
    RUN --mount=type=secret,id=word cat /run/secrets/word > /word || true
    RUN echo "$GREETING" > /greeting
    COPY code.py /code.py
    CMD ["python", "/code.py"]
"""


@pytest.fixture
def site(registry: Registry, tmp_path: Path) -> Site:
    made = make_site(tmp_path, tmp_path / "uv")
    made.repository.write(
        {
            "dagster_cloud.yaml": f"""
            locations:
              - location_name: digits
                code_source: {{python_file: code.py}}
                build: {{directory: ., registry: "{registry.repository("digits")}"}}
            """,
            "Dockerfile": DOCKERFILE,
            "code.py": "print(open('/greeting').read(), open('/word').read())\n",
        }
    )
    return made


def build(site: Site, docker: Docker, **options: Any) -> Image:
    (built,) = site.build(
        environment=docker.variables(),
        docker=DockerOptions(**options),
    )
    assert isinstance(built.result, Image)
    return built.result


def unnamed_images(docker: Docker) -> set[str]:
    return set(docker.run("image", "ls", "--quiet", "--filter", "dangling=true").split())


def failure(site: Site, docker: Docker) -> tuple[str, tuple[str, ...]]:
    failed = site.failure(environment=docker.variables())
    return failed.error.message, failed.output


def test_an_image_is_pushed_and_pinned(site: Site, docker: Docker, registry: Registry) -> None:
    (site.folder / "word").write_text("secretly", encoding="utf-8")

    image = build(
        site,
        docker,
        arguments={"GREETING": "hello"},
        secrets=(f"id=word,src={site.folder / 'word'}",),
    )

    assert image.tag is not None
    kept = httpx.get(
        f"http://{registry.address}/v2/digits/manifests/{image.digest}", trust_env=False
    )
    assert kept.is_success
    docker.run("rmi", "--force", image.tag)
    assert docker.run("run", "--rm", image.reference) == "hello\n secretly"


def test_a_location_without_a_dockerfile_gets_one_that_builds(site: Site, docker: Docker) -> None:
    (site.repository.root / "Dockerfile").unlink()
    site.repository.write(
        {
            "requirements.txt": "six==1.17.0\n",
            "code.py": "import six; print('with six', six.__version__)\n",
            "dagster_cloud_pre_install.sh": "#!/bin/sh\npip show six || echo 1 > /before\n",
            "dagster_cloud_post_install.sh": "#!/bin/sh\nset -e\npip show six > ../after\n",
        }
    )

    image = build(site, docker)

    shown = docker.run("run", "--rm", image.reference, "python", "code.py")
    assert shown == "with six 1.17.0"
    kept = docker.run("run", "--rm", image.reference, "cat", "/before", "../after")
    assert kept.startswith("1\nName: six\n")


def test_layers_of_an_earlier_build_come_from_the_registry(site: Site, docker: Docker) -> None:
    first = build(site, docker)
    assert first.tag is not None
    docker.run("rmi", "--force", first.tag)
    docker.run("builder", "prune", "--all", "--force")
    site.repository.write({"code.py": "print('changed')\n"})

    second = build(site, docker)

    said = [each.line for each in site.events if isinstance(each, OutputLine)]
    assert any(line.endswith("CACHED") for line in said), said
    assert second.digest != first.digest


def test_a_step_that_fails_leaves_nothing_behind(site: Site, docker: Docker) -> None:
    site.repository.write({"Dockerfile": f"FROM {BASE_IMAGE}\nRUN echo reason && exit 3\n"})
    containers, images = docker.containers(), unnamed_images(docker)

    message, output = failure(site, docker)

    assert "A step of Dockerfile ended with exit code 3" in message
    assert any("reason" in line for line in output)
    assert docker.containers() == containers
    assert unnamed_images(docker) == images


def test_a_file_that_is_not_there_is_named(site: Site, docker: Docker) -> None:
    site.repository.write({"Dockerfile": f"FROM {BASE_IMAGE}\nCOPY models /models\n"})

    assert "Dockerfile copies 'models'" in failure(site, docker)[0]


def test_a_base_image_that_is_not_there_is_named(
    site: Site, docker: Docker, registry: Registry
) -> None:
    missing = registry.repository("nothing:v1")
    site.repository.write({"Dockerfile": f"FROM {missing}\n"})

    assert f"cannot be pulled: {missing}" in failure(site, docker)[0]


def test_a_dockerfile_with_a_mistake_is_told(site: Site, docker: Docker) -> None:
    site.repository.write({"Dockerfile": f"FROM {BASE_IMAGE}\nSTART true\n"})

    assert "unknown instruction: START" in failure(site, docker)[0]


def test_a_registry_that_is_down_fails_the_push(site: Site, docker: Docker) -> None:
    address = f"127.0.0.1:{free_port()}"
    document = (site.repository.root / "dagster_cloud.yaml").read_text(encoding="utf-8")
    how = site.repository.plan().builds[0].how
    assert isinstance(how, DockerPlan)
    site.repository.write(
        {"dagster_cloud.yaml": document.replace(how.repository, f"{address}/digits")}
    )

    assert (
        f"The registry {address} of {address}/digits cannot be reached"
        in (failure(site, docker)[0])
    )
