"""Whoever asks why something waits: by the command, the operation, the page and the run's log."""

from __future__ import annotations

import html
import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from dagstead.testing.waiting import eventually
from tests.support.command_records import Recorder
from tests.support.control_plane import ControlPlane
from tests.support.deployment import DeploymentClient
from tests.support.environments import own_environment
from tests.support.official_cli import OfficialCli

#: For a machine that does other things.
PATIENCE = 90
_WHY = """
query Why($name: String!, $deployment: String) {
  why(name: $name, deploymentName: $deployment) {
    kind id queue reason { code says command chain { code says } }
  }
}
"""


@dataclass(frozen=True, kw_only=True)
class AskingWhy:
    """A person with a token, in one deployment."""

    plane: ControlPlane
    deployment: DeploymentClient
    token: str

    def why(self, name: str) -> Mapping[str, Any]:
        """What the command says, which is what the operation says."""
        said = eventually(
            lambda: self._agreed(name), PATIENCE, f"command and operation to agree on {name}"
        )
        assert said is not None
        return said

    def is_said(self, name: str, code: str, *parts: str) -> Mapping[str, Any]:
        """Wait until that is the reason, and read it in the command and on the page.

        Args:
            name: the id of a run or a request, or the name of a location.
            code: of the reason.
            parts: of the sentences from the thing to what it waits for.
        """
        seen: list[Any] = [None]

        def is_reason() -> bool:
            seen[0] = self._asked(name)["reason"]
            return bool(seen[0]["code"] == code)

        try:
            eventually(is_reason, PATIENCE, f"{name} to wait for {code}")
        except AssertionError as error:
            error.add_note(json.dumps(seen))
            raise
        said = self.why(name)
        assert said["code"] == code, said
        for part in parts:
            assert part in json.dumps(said), said
        page = self._page(said["kind"], said["id"])
        for part in parts:
            assert part in page, page
        return said

    def waits(self, run_id: str, code: str, *parts: str) -> None:
        """That is why a run waits, and its log says so, too."""
        self.plane.let_launches_be_old(run_id)
        self.is_said(run_id, code, *parts)

        def is_logged() -> bool:
            return all(part in self.deployment.messages(run_id) for part in parts)

        eventually(is_logged, PATIENCE, f"an event of {run_id} that says {parts}")

    def command(self, *words: str) -> str:
        """What one of our commands prints."""
        ended = self._ended(*words)
        assert ended.returncode == 0, f"{words}: {ended.stdout}{ended.stderr}"
        return ended.stdout

    def refusal(self, *words: str) -> str:
        """Why one of our commands does nothing, in one line."""
        ended = self._ended(*words)
        assert ended.returncode != 0, f"{words}: {ended.stdout}"
        return " ".join(ended.stderr.split())

    def _ended(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = own_environment()
        program = [str(environment.program("python")), "-P", "-m", "dagstead"]
        return subprocess.run(
            [*program, *words],
            capture_output=True,
            text=True,
            check=False,
            env=environment.variables(
                DAGSTER_CLOUD_URL=self.plane.url, DAGSTER_CLOUD_API_TOKEN=self.token
            ),
        )

    def official(self) -> OfficialCli:
        """The official command lines in this deployment."""
        return OfficialCli(
            url=self.plane.url,
            token=self.token,
            recorder=Recorder(),
            folder=self.plane.folder,
            deployment=self.deployment.name,
            environment=own_environment(),
        )

    def _asked(self, name: str) -> Mapping[str, Any]:
        variables = {"name": name, "deployment": self.deployment.name}
        found: Mapping[str, Any] = self.deployment.graphql(_WHY, **variables)["why"]
        return found

    def _agreed(self, name: str) -> Mapping[str, Any] | None:
        """Nothing, if the reason has changed between the two."""
        of = ("--deployment", self.deployment.name)
        by_command: dict[str, Any] = json.loads(self.command("why", name, *of, "--format", "json"))
        reason = self._asked(name)["reason"]
        is_same = (reason["code"], reason["says"]) == (by_command["code"], by_command["says"])
        return by_command if is_same else None

    def _page(self, kind: str, name: str) -> str:
        """What a person reads on the page of a run, a location or a request."""
        answer = httpx.get(
            f"{self.plane.url}/-/{kind}s/{self.deployment.name}/{quote(name, safe='')}",
            headers={"Dagster-Cloud-Api-Token": self.token},
            trust_env=False,
            timeout=PATIENCE,
        )
        assert answer.status_code == 200, answer.text
        return " ".join(html.unescape(re.sub(r"<[^>]*>", "", answer.text)).split())
