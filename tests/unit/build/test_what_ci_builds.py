"""A plan and what CI does with the same location."""

from __future__ import annotations

import pytest

from dagstead.build.model import DockerPlan, PexPlan, Strategy
from dagstead.build.plan_options import PlanOptions
from dagstead.build.planning import make_outline
from dagstead.build.pythons import OWN_VERSION
from dagstead.errors import InvalidInputError
from dagstead.repository.ci.projects import read_project
from tests.support.build_site import Repository

_ACTION = "dagster-io/dagster-cloud-action/actions"
_CLOUD = "locations:\n  - location_name: tides\n    code_source: {package_name: tides}\n"
_FILES = {
    "dagster_cloud.yaml": _CLOUD,
    "requirements.txt": "dagster-cloud\n",
    "tides/__init__.py": "",
}
_WORKFLOW = ".github/workflows/ship.yml"
_HEAD = "on: {push: {branches: [main]}}\njobs:\n  ship:\n    runs-on: x\n    steps:\n"


def _ci(*steps: str) -> dict[str, str]:
    return {_WORKFLOW: _HEAD + "".join(f"      - {each}\n" for each in steps)}


def _session(build: str) -> dict[str, str]:
    return _ci(
        "run: dagster-cloud ci init --project-dir .",
        f"run: {build}",
        "run: dagster-cloud ci deploy",
    )


_BY_ACTION = _ci(
    f"{{id: all, uses: {_ACTION}/utils/parse_workspace@v1.13.7, "
    "with: {dagster_cloud_file: dagster_cloud.yaml}}",
    f"{{uses: {_ACTION}/serverless_prod_deploy@v1.13.7, "
    'with: {location: \'{"name": "tides", "location_file": "dagster_cloud.yaml"}\'}}',
)


@pytest.mark.parametrize(
    ("ci", "line"),
    [
        (_session("dagster-cloud ci build --build-strategy docker"), 7),
        (_session("dagster-cloud ci build"), 7),
        (_ci("run: dagster-cloud serverless deploy-docker . --location-name tides"), 6),
        (_BY_ACTION, 7),
    ],
    ids=["docker", "default", "serverless", "action"],
)
def test_what_ci_builds_as_an_image_is_planned_as_one(
    ci: dict[str, str], line: int, repository: Repository
) -> None:
    repository.write({**_FILES, **ci})

    (build,) = repository.plan().builds
    (asked,) = repository.plan(strategies={"tides": Strategy.PEX}).builds

    assert isinstance(build.how, DockerPlan)
    assert build.how.is_for_control_plane
    assert f"it is serverless, and CI builds an image for it ({_WORKFLOW}:{line})" in build.reason
    assert asked.strategy is Strategy.PEX


def test_an_image_that_cannot_be_made_is_refused(repository: Repository) -> None:
    (refused,) = _refusals(
        repository, {**_UNREAD, **_session("dagster-cloud ci build --build-strategy docker")}
    )

    assert "there is no Dockerfile in '.', and no pyproject.toml" in refused


def test_a_plan_says_nothing_of_ci_that_builds_the_same(repository: Repository) -> None:
    build = "dagster-cloud ci build --build-strategy python-executable"
    repository.write({**_FILES, **_session(build)})

    (planned,) = repository.plan().builds

    assert "CI" not in planned.reason


_UNREAD = {
    "dagster_cloud.yaml": _CLOUD,
    "tides/__init__.py": "",
    "pixi.toml": "[workspace]\n",
}


def _refusals(repository: Repository, files: dict[str, str]) -> list[str]:
    repository.write(files)
    outline = make_outline(read_project(repository.root), PlanOptions())
    assert len(outline.plan.builds) + len(outline.refusals) == 1
    return [str(each) for each in outline.refusals]


@pytest.mark.parametrize(
    "ci", [{}, _session("dagster-cloud ci build --build-strategy python-executable")]
)
def test_a_pex_file_that_cannot_be_made_is_refused(
    ci: dict[str, str], repository: Repository
) -> None:
    (refused,) = _refusals(repository, {**_UNREAD, **ci})

    assert refused.startswith("dagster_cloud.yaml:2:20: DS260 'tides' is built as a PEX file")
    assert "pixi.toml is not read" in refused
    with pytest.raises(InvalidInputError) as caught:
        repository.plan()
    assert caught.value.message == refused


@pytest.mark.parametrize(
    "more",
    [
        _session("uv export > requirements.txt && dagster-cloud ci build --build-strategy pex"),
        {"pyproject.toml": '[tool.dagstead]\nbefore-build = ["make requirements.txt"]\n'},
        {"Dockerfile": "FROM scratch\n"},
    ],
    ids=["written", "before-build", "dockerfile"],
)
def test_what_may_be_made_in_another_way_is_planned(
    more: dict[str, str], repository: Repository
) -> None:
    assert _refusals(repository, {**_UNREAD, **more}) == []


def test_dg_builds_for_a_serverless_agent_whatever_the_registry_is(
    repository: Repository,
) -> None:
    dg = "[tool.dg]\ndirectory_type = 'project'\n[tool.dg.project]\nroot_module = 'tides'\n"
    cli = f"uses: {_ACTION}/utils/dg-cli@v1.13.7, with: {{command: plus deploy"
    steps = (
        f"{{uses: {_ACTION}/utils/dg-deploy-init@v1.13.7, with: {{project_dir: .}}}}",
        f"{{{cli} build-and-push --agent-type=serverless}}}}",
        f"{{{cli} finish}}}}",
    )
    repository.write(
        {
            "pyproject.toml": f"[project]\nname = 'tides'\nversion = '1'\n{dg}",
            "build.yaml": "directory: .\nregistry: '...'\n",
            "src/tides/definitions.py": "",
            **_ci(*steps),
        }
    )

    (build,) = repository.plan().builds

    assert build.strategy is Strategy.PEX
    assert build.reason.startswith(f"dg builds it for a serverless agent ({_WORKFLOW}:7)")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            " --python-version 3.13",
            f"; CI builds it with 3.13 ({_WORKFLOW}:7): for that here, --python 3.13",
        ),
        (" --python-version 3.8", f"; CI builds it with 3.8 ({_WORKFLOW}:7)"),
        (f" --python-version {OWN_VERSION}", ""),
        (" --python-version $PYTHON", ""),
        ("", ""),
    ],
)
def test_a_plan_says_that_ci_builds_for_another_python(
    given: str, said: str, repository: Repository
) -> None:
    build = f"dagster-cloud ci build --build-strategy python-executable{given}"
    repository.write({**_FILES, **_session(build)})

    (planned,) = repository.plan().builds
    (asked,) = repository.plan(python=OWN_VERSION).builds

    assert planned.reason.endswith(said or "nothing names a registry, an image or an agent")
    assert isinstance(planned.how, PexPlan)
    nothing = ", and nothing asks for another"
    assert planned.how.python_reason == f"it runs this command{said or nothing}"
    assert "CI builds" not in asked.reason
