"""Faults that people met: what was certain to fail later was not found beforehand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpus.repository import LOCATION, PACKAGE, Repository, repository_of

_DG = """
    [project]
    name = "tides"
    version = "1"
    dependencies = ["dagster", "dagster-cloud"]

    [tool.dg]
    directory_type = "project"

    [tool.dg.project]
    root_module = "tides"
    """
_IMAGE = """
    locations:
      - location_name: tides
        code_source: {module_name: tides.definitions}
        build: {directory: ., registry: registry.example.com/tides}
        agent_queue: north
    """


def _project(folder: Path, pyproject: str, **more: str) -> Repository:
    files = {
        "dagster_cloud.yaml": LOCATION,
        "pyproject.toml": pyproject,
        "tides/__init__.py": "",
        **{path.replace("__", "."): text for path, text in more.items()},
    }
    return repository_of(folder / "harbour", files)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("pixi.toml", "pixi"),
        ("environment.yml", "environment.yml"),
        ("Pipfile", "Pipfile"),
        ("conda-lock.yml", "conda-lock.yml"),
        (None, "requirements.txt"),
    ],
)
def test_a_folder_that_no_pex_file_can_be_made_from_is_an_error(
    tmp_path: Path, name: str | None, hint: str
) -> None:
    files = {"dagster_cloud.yaml": LOCATION, "tides/__init__.py": ""}
    made = repository_of(tmp_path / "harbour", {**files, **({name: "\n"} if name else {})})

    (error,) = made.errors()

    assert hint in error
    assert made.run("check").returncode == 1


def test_the_plan_of_a_pex_file_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    files = {"dagster_cloud.yaml": LOCATION, "tides/__init__.py": "", "pixi.toml": "[workspace]\n"}
    made = repository_of(tmp_path / "harbour", files)

    said = made.said("plan")

    assert "pixi.toml" in said
    assert "nothing to build" not in said


@pytest.mark.parametrize(
    ("pyproject", "unread"),
    [
        ('[tool.pixi.pypi-dependencies]\ndagster-cloud = "*"\n', "[tool.pixi] is not read"),
        ('[dependency-groups]\ndeploy = ["dagster-cloud"]\n', "[dependency-groups] is not read"),
        ("[tool.black]\nline-length = 100\n", "environment.yml is not read"),
    ],
)
def test_tables_that_no_builder_reads_are_named(
    tmp_path: Path, pyproject: str, unread: str
) -> None:
    more = {"environment.yml": "dependencies: [dagster]\n"} if "black" in pyproject else {}
    made = repository_of(
        tmp_path / "harbour",
        {
            "dagster_cloud.yaml": LOCATION,
            "pyproject.toml": pyproject,
            "tides/__init__.py": "",
            **more,
        },
    )

    (found,) = made.findings()

    assert unread in found["message"]


@pytest.mark.parametrize(
    ("files", "severity"),
    [
        (
            {
                "pyproject.toml": PACKAGE.replace(
                    "version", "requires-python = '<3.9'\n    version", 1
                )
            },
            "error",
        ),
        (
            {
                "pyproject.toml": """
                [tool.poetry]
                name = "tides"
                version = "1"

                [tool.poetry.dependencies]
                python = "~3.8"
                dagster = "*"
                dagster-cloud = "*"
                """
            },
            "error",
        ),
        (
            {
                "setup.py": "from setuptools import setup\n"
                "setup(python_requires='==3.7.*', install_requires=['dagster', 'dagster-cloud'])\n"
            },
            "error",
        ),
        (
            {
                "requirements.txt": "dagster\ndagster-cloud\n",
                "Pipfile": '[requires]\npython_version = "2.7"\n',
            },
            "warning",
        ),
    ],
    ids=["standard", "poetry", "setup.py", "Pipfile"],
)
def test_a_python_that_no_agent_runs_is_found_by_check_and_plan(
    tmp_path: Path, files: dict[str, str], severity: str
) -> None:
    code = {"dagster_cloud.yaml": LOCATION, "tides/__init__.py": ""}
    made = repository_of(tmp_path / "harbour", {**code, **files})

    (found,) = made.findings()

    assert found["severity"] == severity
    assert "o Python from 3." in found["message"]
    assert "No Python from 3." in made.said("plan")


def test_a_group_of_poetry_is_not_installed(tmp_path: Path) -> None:
    made = _project(
        tmp_path,
        """
        [tool.poetry]
        name = "tides"
        version = "1"

        [tool.poetry.dependencies]
        dagster = "*"

        [tool.poetry.group.deploy.dependencies]
        dagster-cloud = "*"
        """,
    )

    (found,) = made.findings()

    assert "do not include dagster-cloud" in found["message"]


@pytest.mark.parametrize(
    "given",
    [
        {"setup.py": "from setuptools import setup\nsetup(install_requires=['dagster-cloud'])\n"},
        {"requirements.txt": "dagster\ndagster-cloud\n"},
        {"pyproject.toml": PACKAGE},
        {"pyproject.toml": PACKAGE, "pixi.toml": "[workspace]\n"},
        {
            "pyproject.toml": """
                [tool.poetry]
                name = "tides"
                version = "1"

                [tool.poetry.dependencies]
                python = "^3.11"
                dagster = "*"
                dagster-cloud = "*"
                """
        },
    ],
)
def test_a_folder_that_a_pex_file_can_be_made_from_is_fine(
    tmp_path: Path, given: dict[str, str]
) -> None:
    files = {"dagster_cloud.yaml": LOCATION, "tides/__init__.py": "", **given}

    assert repository_of(tmp_path / "harbour", files).findings() == []


def test_dependencies_without_dagster_cloud_are_found_where_they_are_written(
    tmp_path: Path,
) -> None:
    made = _project(tmp_path, PACKAGE.replace(', "dagster-cloud"', ""))

    (found,) = made.findings()

    assert (found["file"], found["line"]) == ("pyproject.toml", 4)
    assert "dagster-cloud" in found["message"]
    assert "uv add dagster-cloud" in found["instead"]


@pytest.mark.parametrize(
    "given",
    [
        {
            "pyproject.toml": """
                [project]
                name = "tides"
                version = "1"
                dynamic = ["dependencies"]
                """
        },
        {
            "requirements.txt": "-r more.txt\n",
            "more.txt": "dagster\nDagster_Cloud[serverless]>=1\n",
        },
        {
            "pyproject.toml": """
                [project]
                name = "tides"
                version = "1"
                dependencies = ["dagster", "charts"]

                [tool.uv.sources]
                charts = { path = "charts" }
                """,
            "charts/pyproject.toml": PACKAGE.replace("tides", "charts"),
        },
        {"setup.py": "from setuptools import setup\nsetup(install_requires=open('r').read())\n"},
        {"requirements.txt": "dagster\n./charts\n", "charts/pyproject.toml": PACKAGE},
    ],
    ids=["dynamic", "included", "path-of-uv", "program", "path-of-pip"],
)
def test_dependencies_that_may_hold_dagster_cloud_are_fine(
    tmp_path: Path, given: dict[str, str]
) -> None:
    files = {"dagster_cloud.yaml": LOCATION, "tides/__init__.py": "", **given}

    assert repository_of(tmp_path / "harbour", files).findings() == []


_CONTEXT = """
    k8s:
      env_secret: [tide-tables]
      run_k8s_config:
        pod_spec: {nodeSelector: {pool: big}}
    docker:
      container_kwarg: {shm_size: 1g}
    ecs:
      server_resources: {cpu: 512}
      env: ["A=1"]
    """
_HINTS = ("env_secrets", "pod_spec_config", "container_kwargs", '"512"', "env_vars")


def _indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line[4:]}\n" for line in text.strip("\n").splitlines()[:-1])


@pytest.mark.parametrize("place", ["entry", "defaults", "dg"])
def test_settings_that_no_agent_knows_are_errors_where_they_are_written(
    tmp_path: Path, place: str
) -> None:
    dockerfile = {"Dockerfile": "FROM python:3.12-slim\n", "tides/definitions.py": ""}
    match place:
        case "entry":
            text = f"{_IMAGE.rstrip()}\n        container_context:\n{_indented(_CONTEXT, 10)}"
            path, files = "dagster_cloud.yaml", {"dagster_cloud.yaml": text}
        case "defaults":
            text = f"    defaults:\n      container_context:\n{_indented(_CONTEXT, 8)}{_IMAGE[1:]}"
            path, files = "dagster_cloud.yaml", {"dagster_cloud.yaml": text}
        case _:
            path = "container_context.yaml"
            files = {
                path: _CONTEXT,
                "build.yaml": "registry: registry.example.com/tides\n",
                "pyproject.toml": _DG + '    agent_queue = "north"\n',
                "src/tides/definitions.py": "",
            }
    made = repository_of(tmp_path / "harbour", {**dockerfile, **files})

    errors = made.errors()

    assert len(errors) == len(_HINTS), errors
    for error, hint in zip(errors, _HINTS, strict=True):
        assert error.startswith(f"{path}:")
        assert hint in error


def test_names_of_kubernetes_are_fine_inside_its_objects(tmp_path: Path) -> None:
    context = """
        container_context:
          k8s:
            env_vars: [A=1, B]
            volume_mounts: [{name: data, mountPath: /data}, {name: more, mount_path: /more}]
            run_k8s_config:
              container_config: {imagePullPolicy: Always, resources: {limits: {memory: 2Gi}}}
              pod_spec_config: {nodeSelector: {pool: big}, service_account_name: tides}
              job_spec_config: {ttlSecondsAfterFinished: 60}
    """
    text = _IMAGE.rstrip() + context.rstrip() + "\n"
    dockerfile = {"Dockerfile": "FROM python:3.12-slim\n", "tides/definitions.py": ""}
    made = repository_of(tmp_path / "harbour", {"dagster_cloud.yaml": text, **dockerfile})

    assert made.findings() == []


def test_hooks_that_only_builds_of_images_run_are_mentioned(tmp_path: Path) -> None:
    hooks = ("dagster_cloud_pre_install.sh", "dagster_cloud_post_install.sh")
    files = {"dagster_cloud.yaml": LOCATION, "pyproject.toml": PACKAGE, "tides/__init__.py": ""}
    made = repository_of(tmp_path / "harbour", {**files, **dict.fromkeys(hooks, "true\n")})

    assert made.errors() == []
    for hook in hooks:
        assert hook in "\n".join(made.warnings())


def test_the_plan_mentions_hooks_that_it_does_not_run(tmp_path: Path) -> None:
    hook = "dagster_cloud_post_install.sh"
    files = {"dagster_cloud.yaml": LOCATION, "pyproject.toml": PACKAGE, "tides/__init__.py": ""}
    made = repository_of(tmp_path / "harbour", {**files, hook: "true\n"})

    assert hook in made.said("plan")
