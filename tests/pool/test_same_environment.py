"""The load check of a build, a code server and a run worker find the same around them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.origin import RepositoryPythonOrigin
from dagster_cloud.workspace.user_code_launcher.user_code_launcher import UserCodeLauncherEntry
from dagster_cloud_cli.core.workspace import CodeLocationDeployData, PexMetadata

from dagstead.build.results import PexFiles
from tests.support.build_site import make_site
from tests.support.pex_shop import pex_shop
from tests.support.pool_launcher import launcher_in

#: Runs a program of a dependency, and writes what it finds: one line each time that it is loaded.
DEFINITIONS = """
    import json, os, pathlib, shutil, subprocess
    import dagster as dg

    seen = {
        "ground": subprocess.check_output(["grind"], text=True),
        "of an environment": (
            pathlib.Path(shutil.which("grind")).parents[1] / "pyvenv.cfg"
        ).is_file(),
        "machine": os.environ["PATH"].split(":")[-1],
        "folder": pathlib.Path.cwd().parts[-2:],
        "of the one that starts it": sorted({"PYTHONHOME", "VIRTUAL_ENV"} & {*os.environ}),
    }
    with pathlib.Path("SEEN").open("a") as stream:
        print(json.dumps(seen), file=stream)
    defs = dg.Definitions()
"""
GRINDER = {
    "grinder.py": "def main(): print('ground')\n",
    "grinder-1.0.dist-info/entry_points.txt": "[console_scripts]\ngrind = grinder:main\n",
}


@pytest.mark.thorough
def test_all_that_start_user_code_give_it_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen" / "lines"
    seen.parent.mkdir()
    seen.touch()
    # The server may be another user's.
    seen.chmod(0o666)
    site = make_site(tmp_path, tmp_path / "uv")
    site.shelf.add("grinder", GRINDER)
    site.repository.write(
        {
            "dagster_cloud.yaml": """
            locations:
              - location_name: mill
                code_source: {module_name: definitions}
            """,
            "requirements.txt": "dagster\ndagster-cloud\ngrinder\n",
            "definitions.py": DEFINITIONS.replace("SEEN", str(seen)),
        }
    )
    environment = site.environment(VIRTUAL_ENV="/of/the/one/that/builds")
    (built,) = site.build(load=True, environment=environment)
    assert isinstance(built.result, PexFiles)
    pex = PexMetadata(pex_tag=built.result.tag, python_version=built.result.python_version)
    data = CodeLocationDeployData(module_name="definitions", pex_metadata=pex)

    with (
        pex_shop(site.output) as shop,
        launcher_in(
            tmp_path / "pool", shop.url, monkeypatch, machine_written=(seen.parent,)
        ) as launcher,
    ):
        launcher.update_grpc_metadata(
            {("prod", "mill"): UserCodeLauncherEntry(data, 1.0)},
            control_plane_error_locations=set(),
            control_plane_outdated_locations=set(),
        )
        launcher.reconcile()
        python = launcher._parts.user_code.for_location(data).python
        origin = RepositoryPythonOrigin(str(python), ModuleCodePointer("definitions", "defs"))
        worker = launcher._parts.user_code.for_run("run", origin)
        subprocess.run(
            [worker.python, "-c", "import definitions"],
            env=worker.variables(launcher._code_environment),
            cwd=worker.folder,
            check=True,
        )

    check, server, run = map(json.loads, seen.read_text().splitlines())
    assert check == server == run
    assert check["ground"] == "ground\n"
    assert check["of an environment"]
