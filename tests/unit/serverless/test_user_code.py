from __future__ import annotations

import os
import threading
import time
from contextlib import nullcontext
from pathlib import Path

import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.origin import RepositoryPythonOrigin
from dagster_cloud_cli.core.workspace import CodeLocationDeployData, PexMetadata

from dagstead.errors import PexError, RunWorkerError, UnservableLocationError
from dagstead.serverless.environments import EnvironmentStore
from dagstead.serverless.home import PoolHome, write_json
from dagstead.serverless.interpreters import OWN_VERSION, Interpreters
from dagstead.serverless.pex_set import parse_pex_tag
from dagstead.serverless.unpacking import Quota
from dagstead.serverless.user_code import Runtime, UserCode
from tests.support.sandboxes import without_walls

PEX = parse_pex_tag("files=deps-a.pex:source-b.pex", None)


class NoFiles:
    """A place that has no files, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def fetch(self, filename: str, target: Path) -> None:  # noqa: ARG002 - the protocol's
        self.asked.append(filename)
        msg = f"{filename} is not here."
        raise PexError(msg)


@pytest.fixture
def files() -> NoFiles:
    return NoFiles()


@pytest.fixture
def environments(home: PoolHome, files: NoFiles) -> EnvironmentStore:
    return EnvironmentStore(
        home=home,
        files=files,
        interpreters=Interpreters(named={}, search_path=None),
        environment={},
        clock=time.time,
        stop=threading.Event(),
        parallel=1,
        sandbox=without_walls(home),
        quota=Quota(),
    )


@pytest.fixture
def user_code(environments: EnvironmentStore) -> UserCode:
    return UserCode(environments=environments, allow_local_code=False, allow_branches=True)


def origin(executable: str, context: dict[str, object] | None = None) -> RepositoryPythonOrigin:
    return RepositoryPythonOrigin(
        executable_path=executable,
        code_pointer=ModuleCodePointer("m", "definitions"),
        container_context=context,
    )


def test_a_run_goes_back_to_the_files_of_its_definitions(
    user_code: UserCode, home: PoolHome, files: NoFiles
) -> None:
    write_json(home.tags / f"{PEX.key}.json", {"tag": PEX.tag, "python_version": None})
    # The path may be of another machine: only the environment's name counts.
    elsewhere = f"/another/pool/environments/{PEX.key}/bin/python"
    with pytest.raises(PexError, match="is not here"):
        user_code.for_run("run", origin(elsewhere))
    assert files.asked == ["deps-a.pex"]


@pytest.mark.parametrize("allowed", [True, False])
def test_branches_are_refused_where_there_are_no_walls(
    environments: EnvironmentStore, *, allowed: bool
) -> None:
    code = UserCode(environments=environments, allow_local_code=False, allow_branches=allowed)
    pex = PexMetadata(pex_tag=PEX.tag, python_version="3.11")
    full = CodeLocationDeployData(pex_metadata=pex, module_name="ml")
    variables = {"DAGSTER_CLOUD_IS_BRANCH_DEPLOYMENT": "1"}
    branch = CodeLocationDeployData(pex_metadata=pex, module_name="ml", cloud_context_env=variables)
    code.check("prod", "ml", full)
    with nullcontext() if allowed else pytest.raises(UnservableLocationError, match="no walls"):
        code.check("abc", "ml", branch)


def test_a_branch_names_no_program_of_this_machine(environments: EnvironmentStore) -> None:
    """It would be started without walls, as the user of the pool."""
    code = UserCode(environments=environments, allow_local_code=True, allow_branches=True)
    variables = {"DAGSTER_CLOUD_IS_BRANCH_DEPLOYMENT": "1"}
    mine = CodeLocationDeployData(module_name="m", executable_path="/tmp/mine")
    code.check("prod", "m", mine)
    with pytest.raises(UnservableLocationError, match=r"stands behind no walls.*Build a PEX"):
        code.check("abc", "m", mine._replace(cloud_context_env=variables))


def test_an_environment_that_nobody_knows_says_to_deploy_again(user_code: UserCode) -> None:
    with pytest.raises(RunWorkerError, match=r"Run run-7 .* Deploy its code location again"):
        user_code.for_run("run-7", origin("/pool/environments/0123456789abcdef/bin/python"))


def test_a_python_of_the_machine_is_not_run(user_code: UserCode) -> None:
    with pytest.raises(RunWorkerError, match=r"'/usr/bin/python'.*agent_queue"):
        user_code.for_run("run", origin("/usr/bin/python"))


def test_a_python_of_the_machine_is_run_where_that_is_allowed(
    environments: EnvironmentStore,
) -> None:
    allowed = UserCode(environments=environments, allow_local_code=True, allow_branches=True)
    runtime = allowed.for_run("run", origin("/usr/bin/python"))
    assert runtime.python == Path("/usr/bin/python")
    assert runtime.environment is None


def test_programs_of_the_environment_come_first_on_the_path() -> None:
    runtime = Runtime(
        python=Path("python"),
        folder=None,
        scripts=(Path("/e/bin"), Path("/l/bin")),
        environment="e",
    )
    assert runtime.variables({"PATH": "/usr/bin", "X": "1"}) == {
        "PATH": os.pathsep.join(("/e/bin", "/l/bin", "/usr/bin")),
        "X": "1",
    }
    assert runtime.variables({})["PATH"] == "/e/bin:/l/bin"


def test_a_version_managers_file_that_runs_nothing_is_no_python(tmp_path: Path) -> None:
    shim = tmp_path / "python3.98"
    shim.write_text("#!/bin/sh\necho 'command not found' >&2; exit 127\n")
    shim.chmod(0o755)
    with pytest.raises(PexError, match="no working python3.98"):
        Interpreters(named={}, search_path=str(tmp_path)).find("3.98")


def test_an_interpreter_may_be_named_and_is_asked_for_its_version(tmp_path: Path) -> None:
    named = tmp_path / "my-python"
    named.write_text("#!/bin/sh\necho 3.98\n")
    named.chmod(0o755)
    interpreters = Interpreters(named={"3.98": str(named), "3.97": str(named)}, search_path=None)
    assert interpreters.find("3.98") == named
    with pytest.raises(PexError, match="no working python3.97"):
        interpreters.find("3.97")
    assert interpreters.find(None) == interpreters.find(OWN_VERSION)
