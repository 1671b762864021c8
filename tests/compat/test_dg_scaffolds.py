"""What ``dg plus deploy configure`` writes is read as dg means it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.commands import run_here
from tests.support.environments import client_environment
from tests.support.git import commit_all, git

pytestmark = pytest.mark.compat

_NAME = "lighthouse"
_PROJECT = f"""
[project]
name = "{_NAME}"
version = "1"
requires-python = ">=3.11,<3.15"
dependencies = ["dagster", "dagster-cloud"]

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "{_NAME}"
"""
_REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/lighthouse"
_IMAGES = f"--agent-platform k8s --registry-url {_REGISTRY}"


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What is right of a project that was configured."""

    kind: str
    way: str
    codes: tuple[str, ...]
    #: How it is built here.
    strategy: str


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            "serverless --git-provider github",
            Expected(kind="serverless", way="pex", codes=("DW160",), strategy="pex"),
        ),
        (
            "serverless --git-provider gitlab",
            Expected(kind="serverless", way="pex", codes=(), strategy="pex"),
        ),
        (
            "serverless --git-provider gitlab --no-pex-deploy",
            Expected(kind="serverless", way="serverless image", codes=(), strategy="docker"),
        ),
        (
            f"hybrid --git-provider github {_IMAGES}",
            Expected(kind="hybrid", way="image", codes=("DW160",), strategy="docker"),
        ),
        (
            f"hybrid --git-provider gitlab {_IMAGES}",
            Expected(kind="hybrid", way="image", codes=(), strategy="docker"),
        ),
    ],
)
def test_what_dg_writes_is_read_as_dg_means_it(
    options: str, expected: Expected, tmp_path: Path
) -> None:
    root = _configured(tmp_path / _NAME, options)

    checked = run_here("check", "--format", "json", cwd=root)
    assert [each["code"] for each in json.loads(checked.stdout)["findings"]] == list(expected.codes)
    assert checked.returncode == 0
    inspected = run_here("workflow", "inspect", cwd=root)
    assert f"deploys: {_NAME} ({expected.way})" in inspected.stdout
    (_, routed) = run_here("routes", cwd=root).stdout.splitlines()
    assert routed.split("\t")[:2] == [_NAME, expected.kind]
    (planned,) = json.loads(run_here("plan", "--format", "json", cwd=root).stdout)
    assert (planned["location"], planned["strategy"]) == (_NAME, expected.strategy)


def _configured(root: Path, options: str) -> Path:
    package = root / "src" / _NAME
    (package / "defs").mkdir(parents=True)
    (root / "pyproject.toml").write_text(_PROJECT, encoding="utf-8")
    (package / "__init__.py").touch()
    (package / "definitions.py").touch()
    git(root, "init", "--quiet", "--initial-branch", "main")
    environment = client_environment()
    subprocess.run(
        [
            str(environment.program("dg")),
            *("plus", "deploy", "configure", *options.split(), "--yes"),
            *("--python-version", "3.11", "--organization", "harbour", "--git-root", str(root)),
            *("--url", "https://dagstead.example.com"),
        ],
        cwd=root,
        env=environment.variables(),
        check=True,
        capture_output=True,
        timeout=60,
    )
    commit_all(root)
    return root
