"""Who else says so: official loaders and functions that refuse what a statement is about."""

from __future__ import annotations

import re
import sys
import tempfile
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any

import typer
import yaml
from dagster_dg_cli.cli import cli as dg
from dagster_dg_cli.cli.utils import create_temp_dagster_cloud_yaml_file
from dagster_dg_core.context import DgContext
from dagster_shared.check import CheckError
from pydantic import ValidationError

from dagstead.repository.rules.registry import all_rules
from tests.corpus.deploying import Deploying, deploying
from tests.corpus.judged import Statement

with warnings.catch_warnings():
    # They use what pydantic will remove.
    warnings.simplefilter("ignore", DeprecationWarning)
    from dagster_cloud_cli.commands.ci import init_impl, state
    from dagster_cloud_cli.commands.ci.checks import check_dagster_cloud_yaml
    from dagster_cloud_cli.config.models import load_dagster_cloud_yaml
    from dagster_cloud_cli.core.pex_builder.deps import collect_requirements
    from dagster_cloud_cli.entrypoint import app as dagster_cloud

#: GitHub removed this image in April 2025: a job that asks for it is never started.
_RETIRED = re.compile(r"\s*runs-on:.*\bubuntu-20\.04\b")


class Officials:
    """What the official tools make of one repository.

    ``DAGSTER_CLOUD_URL`` and ``DAGSTER_CLOUD_API_TOKEN`` must be set, to anything.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._initialized: dict[str, frozenset[str] | None] = {}

    @cached_property
    def deploying(self) -> Deploying:
        """The files that are deployed from."""
        return deploying(self._folder)

    def initialized(self, file: str) -> frozenset[str] | None:
        """The names of locations that ``ci init`` takes from a file, ``None`` if it refuses it."""
        if file not in self._initialized:
            self._initialized[file] = self._initialize(file)
        return self._initialized[file]

    def _initialize(self, file: str) -> frozenset[str] | None:
        with tempfile.TemporaryDirectory() as states, redirect_stdout(StringIO()):
            try:
                init_impl(
                    organization="none",
                    deployment="prod",
                    dagster_env=None,
                    project_dir=str(self._folder),
                    dagster_cloud_yaml_path=file,
                    statedir=states,
                    clean_statedir=True,
                    location_name=[],
                    git_url=None,
                    commit_hash=None,
                    status_url=None,
                    snapshot_base_condition=None,
                    require_branch_deployment=False,
                )
            except (ValidationError, typer.Exit, yaml.YAMLError, CheckError, TypeError):
                return None
            found = state.FileStore(statedir=states).list_locations()
            return frozenset(each.location_name for each in found if each.location_name)

    def checked(self, file: str) -> list[str]:
        """What ``ci check`` finds wrong in a file."""
        try:
            return list(check_dagster_cloud_yaml(self._folder / file).errors)
        except yaml.YAMLError as error:
            return [str(error)]

    def build_folders(self, statement: Statement) -> list[Path]:
        """The folders that locations are built in whose names a statement has."""
        file = self._folder / statement.file
        locations = yaml.safe_load(file.read_text(encoding="utf-8"))["locations"]
        return [
            file.parent / ((each.get("build") or {}).get("directory") or ".")
            for each in locations
            if repr(each.get("location_name")) in statement.message
        ]

    def dg_names(self, folder: str = ".") -> frozenset[str] | None:
        """The names of locations that dg deploys from a folder, ``None`` if it refuses it."""
        with tempfile.TemporaryDirectory() as states, redirect_stderr(StringIO()):
            try:
                context = DgContext.from_file_discovery_and_command_line_config(
                    self._folder / folder, {}
                )
                if not (context.is_project or context.is_in_workspace):
                    return frozenset()
                made = Path(create_temp_dagster_cloud_yaml_file(context, states))
                entries = load_dagster_cloud_yaml(made.read_text(encoding="utf-8")).locations
            except (SystemExit, CheckError, ValidationError, yaml.YAMLError):
                return None
            return frozenset(each.location_name for each in entries)

    def may_deploy(self, name: str, file: str) -> bool:
        """Whether dg, called in the folder of a file, would deploy it or refuse to do anything."""
        names = self.dg_names(Path(file).parent.as_posix()) if file.endswith(".toml") else ()
        return names is None or name in names

    def confirms(self, statement: Statement) -> bool:
        """Whether an official tool refuses what a statement says is wrong."""
        if not statement.file:
            return False
        return any(oracle(self, statement) for oracle in _ORACLES)

    def line(self, statement: Statement) -> str:
        """The line that a statement is about."""
        text = (self._folder / statement.file).read_text(encoding="utf-8")
        return text.splitlines()[statement.line - 1] if statement.line else ""


Oracle = Callable[[Officials, Statement], bool]


def _the_loader(officials: Officials, statement: Statement) -> bool:
    """The official model refuses a file that is deployed."""
    is_deployed = statement.file in officials.deploying.files
    is_about_form = statement.code in _FORM or statement.command == "plan"
    return is_deployed and is_about_form and officials.initialized(statement.file) is None


def _the_check(officials: Officials, statement: Statement) -> bool:
    """``ci check`` does not find the build directory of the same location."""
    if statement.file not in officials.deploying.files or "no folder" not in statement.message:
        return False
    said = re.findall(
        r"not found for location (\S+) at", "\n".join(officials.checked(statement.file))
    )
    return any(name in statement.message for name in said)


def _dg(officials: Officials, statement: Statement) -> bool:
    """dg refuses the folder of the file."""
    if statement.code not in _DG_FORM and not statement.file.endswith(".toml"):
        return False
    return officials.dg_names(Path(statement.file).parent.as_posix()) is None


def _the_builder(officials: Officials, statement: Statement) -> bool:
    """The official builder of PEX files finds nothing that says what to install."""
    if "DS260" not in {statement.code, statement.message.partition(" ")[0]}:
        return False
    try:
        for folder in officials.build_folders(statement):
            collect_requirements(str(folder), sys.executable)
    except Exception as error:  # noqa: BLE001 - it raises nothing more exact
        return "Could not find a setup.py" in str(error)
    return False


def _pyyaml(officials: Officials, statement: Statement) -> bool:
    """A workflow is no YAML."""
    if not statement.file.startswith(".github/") or statement.code not in _UNREADABLE:
        return False
    try:
        yaml.safe_load((officials._folder / statement.file).read_text(encoding="utf-8"))
    except yaml.YAMLError:
        return True
    return False


def _command_line(officials: Officials, statement: Statement) -> bool:
    """The official command line has no such command."""
    quoted = re.match(r"'((?:dagster-cloud|dg) [^']+)' does not exist", statement.message)
    if quoted is None or quoted[1].rpartition(" ")[2] not in officials.line(statement):
        return False
    program, *words = quoted[1].split()
    command: Any = typer.main.get_command(dagster_cloud) if program == "dagster-cloud" else dg
    for word in words:
        if not hasattr(command, "get_command"):
            # What follows a command is its arguments.
            return False
        # Groups of dg know their commands only when they are asked in a context.
        command = command.get_command(command.make_context(word, [], resilient_parsing=True), word)
    return command is None


def _github(officials: Officials, statement: Statement) -> bool:
    """The runner of a job is one that GitHub has no longer."""
    return statement.code == "DW143" and _RETIRED.match(officials.line(statement)) is not None


_ORACLES: tuple[Oracle, ...] = (
    _the_loader,
    _the_check,
    _the_builder,
    _dg,
    _pyyaml,
    _command_line,
    _github,
)
_FORM = frozenset(rule.code for rule in all_rules() if rule.form)
_DG_FORM = frozenset(rule.code for rule in all_rules() if rule.code.startswith("DS3"))
_UNREADABLE = frozenset(rule.code for rule in all_rules() if rule.code.startswith("DW10"))


def wrong_locations(shown: frozenset[tuple[str, str]], officials: Officials) -> list[str]:
    """Where locations that are shown differ from those that the official tools deploy.

    Args:
        shown: names of locations, with the files that define them.
        officials: what the official tools make of the same repository.
    """
    plan = officials.deploying
    names = {file: officials.initialized(file) for file in plan.files}
    taken = {(name, file) for file, found in names.items() for name in found or ()}
    by_dg = {name for each in plan.dg_folders for name in officials.dg_names(each) or ()}
    # What can be read of a file that is refused may be shown: `check` says that it is.
    judged = {each for each in shown if names.get(each[1], frozenset()) is not None}
    extra = {each for each in judged - taken if each[0] not in by_dg}
    if plan.is_open:
        extra = {each for each in extra if not officials.may_deploy(*each)}
    missing = set() if plan.is_open else taken - judged
    missed = by_dg - {name for name, _ in judged}
    return [
        *(f"{file} would not deploy {name!r}, which is shown" for name, file in sorted(extra)),
        *(f"{file} deploys {name!r}, which is not shown" for name, file in sorted(missing)),
        *(f"dg deploys {name!r}, which is not shown" for name in sorted(missed)),
    ]
