"""The official command lines, as a CI job runs them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from tests.support.command_records import Recorder, Seen, error_in, refusal_in
from tests.support.environments import Environment, client_environment
from tests.support.warm_programs import COMMAND_LINES, warm_programs

#: A command that waits for a location or a run to come; two cores may have other work.
_COMMAND_SECONDS = 240

#: Nothing listens on the discard port of this machine.
_NOBODY = "http://127.0.0.1:9"

#: The name that the server's tokens carry; the CLI only wants one to be set.
ORGANIZATION = "dagstead"


@dataclass(frozen=True, kw_only=True)
class Said:
    """How a command ended."""

    exit_code: int
    stdout: str
    #: Everything, as a person sees it.
    text: str

    def json(self) -> Any:
        """Its output as JSON."""
        return json.loads(self.stdout)

    def yaml(self) -> Any:
        """Its output as YAML."""
        return yaml.safe_load(self.stdout)


@dataclass(frozen=True, kw_only=True)
class OfficialCli:
    """``dagster-cloud`` and ``dg``, told of a control plane by environment and configuration."""

    url: str
    token: str
    #: Is given how each command ended.
    recorder: Recorder
    #: Home, working folder and build session of these commands.
    folder: Path
    deployment: str | None = "prod"
    environment: Environment = field(default_factory=client_environment)
    more: Mapping[str, str] = field(default_factory=dict)

    def without_server(self) -> OfficialCli:
        """The same job, at an address that nobody serves: what works asks no server."""
        return replace(self, url=_NOBODY)

    def run(self, command: str, *arguments: str | Path, fails: bool = False) -> Said:
        """Run a command and wait for its end.

        Args:
            command: the program and its subcommands, such as ``dagster-cloud ci init``.
            arguments: what follows, each as it is.
            fails: whether it is to end with an exit code other than 0.
        """
        program, *subcommands = command.split()
        ended = warm_programs(self.environment, COMMAND_LINES).run(
            program,
            [*subcommands, *map(str, arguments)],
            folder=self.folder,
            variables=self._variables(),
            seconds=_COMMAND_SECONDS,
        )
        said = Said(
            exit_code=ended.exit_code, stdout=ended.stdout, text=ended.stdout + ended.stderr
        )
        refusal = refusal_in(said.text)
        self.recorder.saw(
            Seen(
                command=command,
                exit_code=said.exit_code,
                served=self.url != _NOBODY,
                refusal=refusal,
                error=error_in(said.text) if said.exit_code and not refusal else "",
            )
        )
        assert bool(said.exit_code) == fails, f"{command} ended with {said.exit_code}:\n{said.text}"
        return said

    def _variables(self) -> Mapping[str, str]:
        # `dg api` takes its address from the configuration only, `dagster-cloud` prefers variables.
        home = self.folder / "home"
        home.mkdir(parents=True, exist_ok=True)
        configuration = {
            "url": self.url,
            "organization": ORGANIZATION,
            "user_token": self.token,
            **({"default_deployment": self.deployment} if self.deployment else {}),
        }
        # JSON is YAML.
        (home / "cli-config").write_text(json.dumps(configuration), encoding="utf-8")
        variables = {
            "HOME": str(home),
            # What pex has fetched and built once serves every test.
            "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),
            "DAGSTER_CLOUD_CLI_CONFIG": str(home / "cli-config"),
            "DAGSTER_CLOUD_URL": self.url,
            "DAGSTER_CLOUD_ORGANIZATION": ORGANIZATION,
            "DAGSTER_CLOUD_API_TOKEN": self.token,
            "DAGSTER_BUILD_STATEDIR": str(self.folder / "session"),
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "NO_COLOR": "1",
            **({"DAGSTER_CLOUD_DEPLOYMENT": self.deployment} if self.deployment else {}),
        }
        return self.environment.variables(**{**variables, **self.more})
