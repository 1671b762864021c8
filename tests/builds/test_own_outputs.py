"""What builds leave in a repository is no part of later builds, wherever it lies."""

from __future__ import annotations

import json
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from dagstead.build.cache import BuildCache
from dagstead.build.manifest import Manifest, write_manifest
from dagstead.build.options import DockerOptions
from dagstead.build.results import PexFiles
from dagstead.errors import InvalidInputError
from tests.builds.test_pex import content
from tests.support.build_site import Repository, Site
from tests.support.git import commit_all
from tests.support.stand_in_docker import Answer, StandInDocker

FILES = {
    "dagster_cloud.yaml": """
        locations:
          - location_name: quay
            code_source: {python_file: main.py}
        """,
    "requirements.txt": "dagster\ndagster-cloud\n",
    "main.py": "",
    "out/kept.txt": "written by people, in a folder that a build may choose\n",
}
IMAGE = {
    **FILES,
    "dagster_cloud.yaml": """
        locations:
          - location_name: quay
            code_source: {python_file: main.py}
            build: {directory: ., registry: registry.example.com/quay}
        """,
    "Dockerfile": "FROM scratch\nCOPY . .\n",
}
HASH = "0123456789" * 4
STATE = {
    "url": "https://control.example.com",
    "deployment_name": "prod",
    "location_file": "dagster_cloud.yaml",
    "location_name": "quay",
    "is_branch_deployment": False,
    "build": {"git_url": None},
    "history": [{"log": "begun"}],
}


def built_source(site: Site, **options: object) -> tuple[Path, str]:
    """Build as the command does; the file of the source, and the key before."""
    plan = site.repository.plan()
    built = site.build(plan, **options)
    (one,) = built
    assert isinstance(one.result, PexFiles)
    write_manifest(one.result.source.parent, Manifest(built=built, commit=plan.commit))
    return one.result.source, plan.builds[0].cache_key


@pytest.mark.parametrize("output", [".dagstead/build", "out", "deep/er/out", "."])
@pytest.mark.parametrize("is_tracked", [False, True])
def test_a_build_does_not_pack_what_builds_before_it_left(
    site: Site, output: str, *, is_tracked: bool
) -> None:
    site.repository.write(FILES)
    root = site.repository.root
    where = {"output": root / output, "cache": root / "a cache"}

    first, key = built_source(site, **where)
    names = content(first)
    if is_tracked:
        commit_all(root)
    second, same_key = built_source(site, **where)
    elsewhere, _ = built_source(site)

    assert second == first
    assert elsewhere.name == first.name
    assert same_key == key
    assert names == content(second)
    assert {each for each in names if each.startswith("working_directory/root/")} == {
        f"working_directory/root/{each}" for each in FILES
    }


def test_a_package_is_found_beside_what_builds_left(site: Site) -> None:
    """setuptools refuses two folders that may be packages, and packs what lies in one."""
    root = site.repository.root
    site.repository.write(
        {
            "dagster_cloud.yaml": """
                locations:
                  - location_name: quay
                    code_source: {module_name: quay}
                    build: {directory: ./locations/quay}
                """,
            "words/readme.txt": "Of the whole repository.",
            "locations/quay/pyproject.toml": """
                [build-system]
                requires = []
                build-backend = "borrowed"
                backend-path = ["tools"]
                """,
            "locations/quay/tools/borrowed.py": f"""
                import sys
                sys.path.append({sysconfig.get_paths()["purelib"]!r})
                from setuptools.build_meta import *
                """,
            "locations/quay/setup.py": """
                from pathlib import Path
                from setuptools import setup

                words = Path("../../words/readme.txt").read_text()
                setup(name="quay", version="1", description=words)
                """,
            "locations/quay/requirements.txt": "dagster\ndagster-cloud\n",
            "locations/quay/quay/__init__.py": "",
        }
    )
    commit_all(root)
    where = {"output": root / "locations/quay/out", "cache": root / "locations/quay/cache"}

    first, _ = built_source(site, **where)
    second, _ = built_source(site, **where)

    assert second == first
    assert "quay/__init__.py" in content(first)
    assert not [each for each in content(first) if each.startswith(("out/", "cache/"))]


def test_a_session_of_the_official_command_line_changes_no_build(repository: Repository) -> None:
    repository.write(FILES)
    (before,) = repository.plan().builds
    repository.write({"session/location-quay.json": json.dumps(STATE)})
    (with_session,) = repository.plan().builds
    repository.write({"session/location-names.json": '{"build": "of people"}'})
    (with_data,) = repository.plan().builds

    assert with_session.cache_key == before.cache_key
    assert with_data.cache_key != before.cache_key


def test_files_of_people_with_such_names_count(repository: Repository) -> None:
    repository.write(FILES)
    (before,) = repository.plan().builds
    keys = {before.cache_key}
    for name in ("build.json", "source-main.pex", "wheels/x.whl", "data.dagstead"):
        repository.write({name: '{"version": 1}\n'})
        keys.add(repository.plan().builds[0].cache_key)

    assert len(keys) == 5


def test_a_link_to_what_builds_left_packs_none_of_it(site: Site) -> None:
    site.repository.write(FILES)
    root = site.repository.root
    (root / "link").symlink_to(".dagstead")
    (root / "other").symlink_to("cache/pex")

    where = {"output": root / ".dagstead" / "build", "cache": root / "cache"}
    first, _ = built_source(site, **where)
    (root / ".dagstead" / ".gitignore").write_text("*\n", encoding="utf-8")
    second, _ = built_source(site, **where)

    assert second == first


def test_a_cache_around_the_files_of_a_location_is_refused(site: Site) -> None:
    site.repository.write(FILES)

    with pytest.raises(InvalidInputError, match="Name a folder for the cache alone"):
        site.build(cache=site.repository.root)

    assert {each.name for each in site.repository.root.iterdir()} == {
        each.split("/")[0] for each in FILES
    }


def test_beside_a_cache_files_of_people_count(repository: Repository) -> None:
    repository.write(FILES)
    (before,) = repository.plan().builds
    cache = BuildCache(repository.root / "vendor")
    (cache.pex / "old").mkdir()
    (after,) = repository.plan().builds
    cache.sweep(before=float("inf"))
    (swept,) = repository.plan().builds
    repository.write({"vendor/words.txt": "of people", "wheels/words.txt": "too"})
    (changed,) = repository.plan().builds

    assert before.cache_key == after.cache_key == swept.cache_key != changed.cache_key


def test_docker_is_sent_nothing_that_builds_left(site: Site, tmp_path: Path) -> None:
    docker = StandInDocker(folder=tmp_path / "bin")
    docker.install(
        {"buildx build": Answer(metadata={"containerimage.digest": "sha256:" + 64 * "a"})}
    )
    site.repository.write(
        {
            **IMAGE,
            ".dockerignore": "*.md\n!README.md",
            "a[b]c/location-quay.json": json.dumps(STATE),
        }
    )
    root = site.repository.root
    (before,) = site.repository.plan().builds

    options: dict[str, Any] = {
        "output": root / "out",
        "cache": root / "cache",
        "environment": site.environment(PATH=str(docker.folder)),
        "docker": DockerOptions(),
    }
    built = site.build(**options)
    write_manifest(root / "out", Manifest(built=built))
    (after,) = site.repository.plan().builds
    site.build(**options)

    first, second = docker.calls("buildx", "build")
    assert after.how == before.how
    assert second.dockerfile == IMAGE["Dockerfile"]
    lines = second.ignored.splitlines()
    assert lines[:2] == ["*.md", "!README.md"]
    assert {
        "**/.dagstead",
        "**/dagstead-data",
        f"**/source-{'[0-9a-f]' * 40}.pex",
        "/cache/wheels",
        "/out/build.json",
        r"/a\[b\]c/location-quay.json",
    } <= set(lines)
    assert "/out/build.json" not in first.ignored
    assert second.words[-1] == str(root)
    assert (root / ".dockerignore").read_text(encoding="utf-8") == "*.md\n!README.md"


def test_the_file_for_one_dockerfile_goes_before_that_for_all(site: Site, tmp_path: Path) -> None:
    docker = StandInDocker(folder=tmp_path / "bin")
    docker.install(
        {"buildx build": Answer(metadata={"containerimage.digest": "sha256:" + 64 * "a"})}
    )
    site.repository.write(
        {**IMAGE, ".dockerignore": "*.md\n", "Dockerfile.dockerignore": "\ufeff# no\nsecret\r\n"}
    )

    site.build(environment=site.environment(PATH=str(docker.folder)))

    (call,) = docker.calls("buildx", "build")
    assert call.ignored.startswith("\ufeff# no\nsecret\n")
    assert "*.md" not in call.ignored.splitlines()
