"""Secrets with the official ``dg``, by people and by CI."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from dagstead.control.actor import COMMAND_LINE
from dagstead.plane.secrets import SecretKind, SecretTarget
from dagstead.plane.tokens import Grant, TokenKind
from tests.support.cli_site import Site
from tests.support.environments import Environment
from tests.support.official_cli import ORGANIZATION, OfficialCli
from tests.support.orchestration import control_without_dagster

pytestmark = pytest.mark.compat

PROJECT = """
[project]
name = "stateful-project"
version = "0.1.0"
requires-python = ">=3.11"

[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "stateful_project"
registry_modules = []
"""

DEFINITIONS = """
from pathlib import Path

import dagster as dg


@dg.definitions
def defs():
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
"""

#: Its state shows which value it got, and not the value.
COMPONENT = """
import hashlib
import os
import re

import dagster as dg
from dagster.components import DefsStateConfig, DefsStateConfigArgs


class Remote(dg.StateBackedComponent, dg.Model, dg.Resolvable):
    @property
    def defs_state_config(self):
        versioned = DefsStateConfigArgs.versioned_state_storage()
        return DefsStateConfig.from_args(versioned, default_key="Remote")

    def write_state_to_path(self, state_path):
        state_path.write_text(hashlib.sha256(os.environ["WAREHOUSE"].encode()).hexdigest())

    def build_defs_from_state(self, context, state_path):
        return dg.Definitions()
"""


def project(cli: OfficialCli) -> OfficialCli:
    """A dg project in the working folder, with an environment of its own."""
    package = cli.folder / "src" / "stateful_project"
    (package / "defs" / "remote").mkdir(parents=True)
    for name, content in (
        ("pyproject.toml", PROJECT),
        ("src/stateful_project/__init__.py", ""),
        ("src/stateful_project/definitions.py", DEFINITIONS),
        ("src/stateful_project/remote.py", COMPONENT),
        ("src/stateful_project/defs/__init__.py", ""),
        ("src/stateful_project/defs/remote/defs.yaml", "type: stateful_project.remote.Remote\n"),
        (".env", "MENTIONED=1\n"),
    ):
        (cli.folder / name).write_text(content, encoding="utf-8")
    (cli.folder / ".venv").symlink_to(home_of(cli.environment))
    (cli.folder / "dagster-home").mkdir()
    more = {"PYTHONPATH": str(cli.folder / "src"), "DAGSTER_HOME": str(cli.folder / "dagster-home")}
    return replace(cli, more=more)


def home_of(environment: Environment) -> Path:
    """The folder of an environment."""
    return Path(environment.program("python")).parent.parent


def ci_token(site: Site) -> str:
    """As `dagstead login` gets it, for the deployment prod."""
    control = control_without_dagster(site.plane.store)
    grant = Grant(deployments=["prod"], branch_deployments=False, repository="org/app")
    issued = control.tokens.issue(COMMAND_LINE, "ci", TokenKind.USER, grant, ORGANIZATION)
    return issued.secret


def variables(file: Path) -> dict[str, str]:
    lines = (line.partition("=") for line in file.read_text(encoding="utf-8").splitlines() if line)
    return {name: value.strip("'\"") for name, _, value in lines}


def test_a_person_sets_lists_and_pulls_them(cli: OfficialCli) -> None:
    cli = project(cli)
    cli.run("dg plus create env", "SHARED", "for all", "--global", "--scope", "local")
    cli.run("dg plus create env", "MENTIONED", "hunter2", "--scope", "local", "--scope", "branch")
    cli.run("dg plus create env", "SHARED", "of main", "--global", "--scope", "full")
    again = cli.run("dg plus create env", "MENTIONED", "hunter3", "--scope", "local", "-y")
    assert "MENTIONED is already configured for" in again.stdout

    envs = cli.run("dg list envs").stdout
    (row,) = [line for line in envs.splitlines() if "MENTIONED" in line]
    # In its file, for people, and for branch deployments; not in full ones.
    assert row.count("✓") == 3

    cli.run("dg plus pull env")
    pulled = variables(cli.folder / ".env")
    assert (pulled["SHARED"], pulled["MENTIONED"]) == ("for all", "hunter3")

    listed = cli.run("dg api secret list", "--json").json()["items"]
    found = {
        (each["name"], tuple(each["location_names"]), each["full_deployment_scope"])
        for each in listed
        if each["name"] in {"SHARED", "MENTIONED"}
    }
    assert found == {
        ("SHARED", (), False),
        ("SHARED", (), True),
        # A project is named by its folder.
        ("MENTIONED", (cli.folder.name,), False),
    }
    assert all(each["value"] is None for each in listed)
    named = cli.run("dg api secret get", "SHARED", "--show-value", "--json").json()
    assert (named["value"], named["can_view_secret_value"]) == ("for all", True)
    hidden = cli.run("dg api secret get", "SHARED", "--json").json()
    assert hidden["value"] is None


def test_a_person_does_not_see_what_code_gets(site: Site, cli: OfficialCli) -> None:
    control = control_without_dagster(site.plane.store)
    control.secrets.set(COMMAND_LINE, "FOR_CODE", "hunter2", SecretTarget(deployment="prod"))
    seen = cli.run("dg api secret get", "FOR_CODE", "--show-value", "--json")
    assert "hunter2" not in seen.text
    assert seen.json()["can_view_secret_value"] is False
    assert "Can View Value: No" in cli.run("dg api secret get", "FOR_CODE").stdout


def test_what_cannot_be_set_is_refused_with_a_sentence(cli: OfficialCli) -> None:
    cli = project(cli)
    refused = cli.run("dg plus create env", "1KEY", "hunter2", "--global", fails=True)
    assert "cannot name a secret" in refused.text
    assert "hunter2" not in refused.text


def test_values_arrive_where_the_state_of_definitions_is_refreshed(
    site: Site, tmp_path: Path
) -> None:
    """The command hides when they do not."""
    control = control_without_dagster(site.plane.store)
    wide, narrow = f"wide {os.urandom(8).hex()}", f"narrow {os.urandom(8).hex()}"
    control.secrets.set(COMMAND_LINE, "WAREHOUSE", wide, SecretTarget(deployment="prod"))
    mine = SecretTarget(deployment="prod", locations=frozenset({tmp_path.name}))
    control.secrets.set(COMMAND_LINE, "WAREHOUSE", narrow, mine)
    for_people = SecretTarget(deployment="prod", kinds=frozenset({SecretKind.LOCAL}))
    control.secrets.set(COMMAND_LINE, "WAREHOUSE", "of people", for_people)
    cli = project(site.cli(tmp_path, token=ci_token(site)))
    cli.run("dg plus deploy start", "--deployment-type", "full", "--yes")
    said = cli.run("dg plus deploy refresh-defs-state")
    assert re.search(r"Injecting \d+ environment variable", said.text)
    assert "Failed to fetch" not in said.text
    assert "All 1 components refreshed successfully" in said.text
    stored = [
        each.read_bytes() for each in (site.plane.data / "blobs").rglob("*") if each.is_file()
    ]
    digest = hashlib.sha256(narrow.encode()).hexdigest().encode()
    assert digest in stored
    assert narrow not in said.text
