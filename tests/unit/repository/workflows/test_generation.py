"""What generated files promise, read back from their text."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dagstead.errors import ConflictError, InvalidInputError
from dagstead.repository.ci.pins import CLI, PEX_TOOLS
from dagstead.repository.ci.provider import Provider
from dagstead.repository.files import Project, read_project
from dagstead.repository.files.yaml_text import dump
from dagstead.repository.workflows.generation import drift, generate, stale_files, write
from dagstead.repository.workflows.options import DeployTool, Options, Pattern
from dagstead.repository.workflows.scripts import refuse_full_deployment
from tests.unit.cli.conftest import Command, dagstead
from tests.unit.repository.ci.repositories import (
    HYBRID,
    PREBUILT,
    SERVERLESS,
    monorepo,
    repository,
)

__all__ = ["dagstead"]

EVERY_GITHUB = [
    Options(pattern=pattern, tool=tool)
    for pattern in Pattern
    for tool in (DeployTool.CLI, DeployTool.OFFICIAL_ACTION)
]
EVERY_GITHUB += [
    Options(pattern=p, tool=DeployTool.DAGSTEAD) for p in Pattern if p is not Pattern.ROUTED
]


def documents(project: Project, options: Options) -> dict[str, Any]:
    """What a YAML reader makes of the files."""
    return {
        each.path.rpartition("/")[2]: yaml.safe_load(each.text)
        for each in generate(project, options)
    }


def steps(document: Any) -> Iterator[dict[str, Any]]:
    for job in document["jobs"].values():
        yield from job["steps"]


def scripts(document: Any) -> str:
    return "\n".join(step["run"] for step in steps(document) if "run" in step)


@pytest.mark.parametrize("options", EVERY_GITHUB, ids=lambda each: f"{each.pattern}-{each.tool}")
def test_a_workflow_gives_away_nothing(options: Options, tmp_path: Path) -> None:
    for document in documents(monorepo(tmp_path / "r"), options).values():
        assert document["permissions"] == {}
        assert {job["permissions"]["contents"] for job in document["jobs"].values()} == {"read"}
        assert "${{" not in scripts(document)
        for step in steps(document):
            if "uses" in step:
                assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"])
            if "actions/checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("options", EVERY_GITHUB, ids=lambda each: f"{each.pattern}-{each.tool}")
def test_a_branch_is_never_deployed_halfway(options: Options, tmp_path: Path) -> None:
    for document in documents(monorepo(tmp_path / "r"), options).values():
        cancels = document["concurrency"]["cancel-in-progress"]
        assert cancels.startswith("${{ github.event_name == 'pull_request' &&")
        # YAML 1.1 reads the key `on` as true.
        assert "closed" in document[True]["pull_request"]["types"]
        closing = scripts({"jobs": {"close": document["jobs"]["close"]}})
        assert re.search(r"branch-deployment (--mark-closed|--close)", closing)


def test_one_session_builds_each_location_its_own_way(tmp_path: Path) -> None:
    (document,) = documents(monorepo(tmp_path / "r"), Options()).values()
    text = scripts(document)

    assert text.count("ci init") == text.count("ci deploy") == 1
    build = text[text.index("ci build") :].split("push_image()")[0]
    assert "--location-name weather" in build
    assert "digits" not in build
    assert "push_image digits digits registry.example.com/digits digits" in text
    assert 'docker buildx build --push --tag "$image"' in text


def test_a_workflow_for_each_location_watches_what_it_is_made_from(tmp_path: Path) -> None:
    root = tmp_path / "r"
    project = monorepo(root)
    (root / "digits" / "requirements.txt").write_text("-e ../shared\n./lib[x]\n-r ../all.txt\n")
    (root / "shared").mkdir()
    (root / "shared" / "pyproject.toml").write_text(
        '[tool.uv.sources]\nbase = { path = "../base" }\nother = { git = "x" }\n'
    )
    (root / "all.txt").write_text("dagster\nthird @ file:./third\n")

    made = documents(project, Options(pattern=Pattern.PER_LOCATION))

    assert set(made) == {"dagster-deploy-weather.yml", "dagster-deploy-digits.yml"}
    paths = made["dagster-deploy-digits.yml"][True]["push"]["paths"]
    for path in ("digits/**", "dagster_cloud.yaml", "shared/**", "base/**", "all.txt", "third/**"):
        assert path in paths
    assert not any(path.startswith("weather") for path in paths)


def test_a_project_in_a_folder_is_deployed_from_the_top(tmp_path: Path) -> None:
    root = tmp_path / "r"
    monorepo(root / "data")
    (root / "data" / ".git").rename(root / ".git")
    project = read_project(root / "data")

    (file,) = generate(project, Options(pattern=Pattern.CHANGED))

    assert "--project-dir data \\" in file.text
    assert "':(top,literal)data/digits' ':(top,literal)data/dagster_cloud.yaml'" in file.text
    assert "dagstead workflow generate data --pattern b2" in file.text


def test_a_folder_that_the_official_command_line_cannot_find_in_git_is_refused(
    tmp_path: Path,
) -> None:
    repository(tmp_path / "my data", SERVERLESS)
    (tmp_path / "my data" / ".git").rename(tmp_path / ".git")

    with pytest.raises(InvalidInputError, match="Rename the folder"):
        generate(read_project(tmp_path / "my data"), Options())


def test_a_pull_request_never_falls_back_to_the_full_deployment(tmp_path: Path) -> None:
    for options in (Options(), Options(provider=Provider.GITLAB)):
        (file,) = generate(repository(tmp_path, SERVERLESS), options)
        assert "then branch=--require-branch-deployment; fi" in file.text
        assert '"$branch" \\\n' in file.text


@pytest.mark.parametrize("pattern", Pattern)
def test_the_official_action_is_followed_by_a_look_at_the_branch_deployment(
    pattern: Pattern, tmp_path: Path
) -> None:
    options = Options(pattern=pattern, tool=DeployTool.OFFICIAL_ACTION)
    (document,) = documents(repository(tmp_path, SERVERLESS), options).values()
    deploying = document["jobs"]["deploy"]["steps"]

    (begun,) = (number for number, step in enumerate(deploying) if step.get("id") == "init")

    looking = deploying[begun + 1]
    assert "ci-init@" in deploying[begun]["uses"]
    assert looking["if"].startswith("github.event_name == 'pull_request'")
    assert refuse_full_deployment() in looking["run"]


@pytest.mark.parametrize(("branch", "code"), [("true", 0), ("false", 1)])
def test_the_look_ends_a_session_that_would_go_to_the_full_deployment(
    branch: str, code: int
) -> None:
    state = f'{{"deployment_name": "x", "is_branch_deployment": {branch}, "selected": true}}'
    script = f"dagster-cloud() {{ echo '{state}'; }}\n{refuse_full_deployment()}"

    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script], check=False, capture_output=True, text=True
    )

    assert done.returncode == code
    assert ("No branch deployment was made" in done.stdout) is bool(code)


@pytest.mark.parametrize(
    ("name", "folder"), [("two words", "data"), ("it's", "data"), ("weather", "data&code")]
)
def test_what_the_official_action_would_paste_wrongly_is_refused(
    name: str, folder: str, tmp_path: Path
) -> None:
    repository(tmp_path / folder, SERVERLESS | {"location_name": name})
    (tmp_path / folder / ".git").rename(tmp_path / ".git")

    with pytest.raises(InvalidInputError, match="does not quote"):
        generate(read_project(tmp_path), Options(tool=DeployTool.OFFICIAL_ACTION))


def test_a_folder_with_a_dot_in_its_name_is_watched_whole(tmp_path: Path) -> None:
    location = SERVERLESS | {"build": {"directory": "./my.project"}}

    made = documents(repository(tmp_path, location), Options(pattern=Pattern.PER_LOCATION))

    paths = made["dagster-deploy-weather.yml"][True]["push"]["paths"]
    assert "my.project/**" in paths
    assert "dagster_cloud.yaml/**" not in paths


def test_defaults_are_merged_before_the_command_line_reads_them(tmp_path: Path) -> None:
    hybrid = {"location_name": "digits"}
    project = repository(tmp_path, hybrid, defaults={"build": {"registry": "host.example/all"}})

    (document,) = documents(project, Options()).values()

    text = scripts(document)
    assert "ci template" in text
    assert "--dagster-cloud-yaml-path .dagster_cloud.rendered.yaml" in text
    assert "push_image digits . host.example/all digits" in text


def test_files_of_several_folders_have_sessions_that_do_not_wipe_each_other(tmp_path: Path) -> None:
    (tmp_path / "r" / ".git").mkdir(parents=True)
    for folder, entry in (("some", SERVERLESS), ("more", HYBRID)):
        repository(tmp_path / "r" / folder, entry)
        (tmp_path / "r" / folder / ".git").rmdir()

    (document,) = documents(read_project(tmp_path / "r"), Options()).values()

    folders = {
        step["env"]["DAGSTER_BUILD_STATEDIR"]: step["run"]
        for step in steps(document)
        if "ci init" in step.get("run", "")
    }
    assert len(folders) == 2


def test_what_exists_already_is_deployed_without_a_build(tmp_path: Path) -> None:
    (document,) = documents(repository(tmp_path, SERVERLESS, PREBUILT), Options()).values()

    text = scripts(document)
    assert "ci deploy \\\n  --location-name weather \\\n" in text
    assert "add_location bought" in text


@pytest.mark.parametrize(
    ("registry", "inputs"),
    [
        (
            "ghcr.io/o/x",
            {
                "registry": "ghcr.io",
                "username": "${{ github.actor }}",
                "password": "${{ github.token }}",
            },
        ),
        (
            "owner/x",
            {
                "username": "${{ secrets.REGISTRY_USERNAME }}",
                "password": "${{ secrets.REGISTRY_PASSWORD }}",
            },
        ),
    ],
)
def test_images_go_to_the_registry_that_the_location_names(
    registry: str, inputs: dict[str, str], tmp_path: Path
) -> None:
    location = {"location_name": "x", "build": {"directory": ".", "registry": registry}}

    (document,) = documents(repository(tmp_path, location), Options()).values()

    (login,) = (step for step in steps(document) if "login-action" in step.get("uses", ""))
    assert login["with"] == inputs
    permissions = document["jobs"]["deploy"]["permissions"]
    assert ("packages" in permissions) == registry.startswith("ghcr.io")


@pytest.mark.parametrize(
    ("location", "reported"),
    [
        ({"location_name": "x", "agent_queue": "q"}, "ambiguous"),
        ({"location_name": "x|y"}, "cannot be written into a script safely"),
        ({"location_name": "${{ x }}"}, "cannot be written into a script safely"),
        ({"location_name": "x", "build": {"directory": "../y"}}, "outside of the repository"),
    ],
)
def test_what_cannot_be_deployed_is_refused_with_its_place(
    location: dict[str, Any], reported: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInputError, match=r"dagster_cloud\.yaml:\d+:\d+.*") as refused:
        generate(repository(tmp_path, location), Options())

    assert reported in refused.value.message


@pytest.mark.parametrize(
    "options",
    [
        Options(provider=Provider.GITLAB, pattern=Pattern.MATRIX),
        Options(provider=Provider.GITLAB, tool=DeployTool.OFFICIAL_ACTION),
        Options(provider=Provider.GITLAB, pattern=Pattern.ROUTED, tool=DeployTool.DAGSTEAD),
        Options(pattern=Pattern.ROUTED, tool=DeployTool.DAGSTEAD),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: Options, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError):
        generate(repository(tmp_path, SERVERLESS), options)


@pytest.mark.parametrize("pattern", [Pattern.EVERYTHING, Pattern.ROUTED])
def test_gitlab_takes_tags_from_the_job_that_has_docker(pattern: Pattern, tmp_path: Path) -> None:
    options = Options(provider=Provider.GITLAB, pattern=pattern)

    (document,) = documents(monorepo(tmp_path / "r"), options).values()

    assert document["dagster-images"]["image"].startswith("docker:")
    for name in ("dagster-deploy", "dagster-deploy-branch"):
        assert "dagster-images" in document[name]["needs"]
        assert "$(cat dagster-tags/tag)" in "\n".join(document[name]["script"])
    stop = document["dagster-deploy-branch"]["environment"]["on_stop"]
    assert document[stop]["environment"]["action"] == "stop"


def test_drift_is_a_diff(tmp_path: Path) -> None:
    project = repository(tmp_path, SERVERLESS)
    files = generate(project, Options())
    assert "+name: Deploy to Dagster\n" in drift(tmp_path, files)

    assert write(tmp_path, files) == [files[0].path]
    assert drift(tmp_path, files) == ""
    assert write(tmp_path, files) == []

    path = tmp_path / files[0].path
    path.write_text(files[0].text.replace("prod", "staging"), encoding="utf-8")
    assert "-            --deployment staging \\\n" in drift(tmp_path, files)


def test_somebody_elses_file_is_not_overwritten(tmp_path: Path) -> None:
    files = generate(repository(tmp_path, SERVERLESS), Options())
    path = tmp_path / files[0].path
    path.parent.mkdir(parents=True)
    path.write_text("name: mine\n", encoding="utf-8")

    with pytest.raises(ConflictError, match="--force"):
        write(tmp_path, files)
    assert path.read_text(encoding="utf-8") == "name: mine\n"

    write(tmp_path, files, force=True)
    assert drift(tmp_path, files) == ""


def test_the_workflow_of_a_location_that_is_gone_is_stale(tmp_path: Path) -> None:
    options = Options(pattern=Pattern.PER_LOCATION)
    write(tmp_path, generate(repository(tmp_path, SERVERLESS, HYBRID), options))
    project = repository(tmp_path, SERVERLESS)

    stale = stale_files(tmp_path, project, options, generate(project, options))

    assert stale == (".github/workflows/dagster-deploy-digits.yml",)


def test_the_command_writes_and_then_checks(dagstead: Command, tmp_path: Path) -> None:
    root = tmp_path / "r"
    repository(root, SERVERLESS, HYBRID)
    words = ["workflow", "generate", str(root), "--pattern", "a"]

    assert dagstead(*words, "--check").code == 1
    written = dagstead(*words)
    assert "wrote .github/workflows/dagster-deploy-digits.yml" in written.out
    assert dagstead(*words, "--check") == type(written)(out="", err="", code=0)
    repository(root, SERVERLESS)
    assert "its location no longer exists" in dagstead(*words, "--check").out
    assert "removed .github/workflows/dagster-deploy-digits.yml" in dagstead(*words).out
    refused = dagstead(*words, "--ci", "gitlab")
    assert refused.code == 2
    assert "Take --pattern b1 or b3" in refused.err


def test_workflows_install_what_the_tests_run() -> None:
    for requirement in (CLI, *PEX_TOOLS):
        name, _, pinned = requirement.partition("==")
        assert version(name) == pinned


_SCALARS = st.one_of(
    st.text(), st.integers(), st.booleans(), st.sampled_from(["yes", "1.5", "a: b"])
)


@given(
    st.dictionaries(
        st.text(min_size=1),
        st.recursive(
            _SCALARS.filter(lambda each: not isinstance(each, str) or "\n" not in each),
            lambda below: st.one_of(
                st.lists(below.filter(lambda each: not isinstance(each, list)), max_size=3),
                st.dictionaries(st.text(min_size=1, max_size=5), below, max_size=3),
            ),
            max_leaves=8,
        ),
        max_size=4,
    )
)
def test_what_is_written_is_what_is_read(document: dict[str, Any]) -> None:
    # The key `on` is written as GitHub wants it.
    kept = {key: value for key, value in document.items() if key != "on"}
    assert (yaml.safe_load(dump(kept)) or {}) == kept
