"""What a person chooses about generated files."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from enum import StrEnum

from dagstead.errors import InvalidInputError
from dagstead.repository.ci.provider import Provider
from dagstead.repository.workflows.expressions import is_filled_in

USUAL_BRANCH = "main"
USUAL_PYTHON = "3.11"


class Pattern(StrEnum):
    """How locations are divided among workflows."""

    #: One workflow for each location, started by changes to its files.
    PER_LOCATION = "a"
    #: One workflow that builds everything.
    EVERYTHING = "b1"
    #: One workflow that builds what changed since the last successful one.
    CHANGED = "b2"
    #: One workflow that reads the configuration when it runs.
    ROUTED = "b3"
    #: One workflow with a job for each location.
    MATRIX = "c"


class DeployTool(StrEnum):
    """What a workflow deploys with."""

    #: The official command line, installed with pip.
    CLI = "cli"
    #: The official action.
    OFFICIAL_ACTION = "official-action"
    #: Our own command line, installed with pip.
    DAGSTEAD = "dagstead"


_ON_GITLAB = frozenset({Pattern.EVERYTHING, Pattern.ROUTED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """The choices; their defaults are left out of the command that regenerates the files."""

    provider: Provider = Provider.GITHUB
    pattern: Pattern = Pattern.EVERYTHING
    tool: DeployTool = DeployTool.CLI
    #: The full deployment that the main branch goes to, and that branch deployments start from.
    deployment: str = "prod"
    #: The branch whose pushes are deployed.
    branch: str = USUAL_BRANCH
    #: The Python of PEX files.
    python: str = USUAL_PYTHON

    @property
    def lacks_setuptools(self) -> bool:
        """Whether its Python comes without setuptools."""
        return tuple(int(each) for each in self.python.split(".")[:2]) >= (3, 12)

    def checked(self) -> Options:
        """These options.

        Raises:
            InvalidInputError: when they do not go together.
        """
        if not re.fullmatch(r"3\.\d+", self.python):
            msg = f"--python {self.python!r} is not a version of Python. Write one such as 3.12."
            raise InvalidInputError(msg)
        for flag, text, filled_in in (
            # GitLab fills variables in where the deployment stands.
            ("--deployment", self.deployment, "$" in self.deployment),
            ("--branch", self.branch, is_filled_in(self.branch)),
        ):
            if filled_in or not text.isprintable():
                msg = f"{flag} {text!r} has characters that CI would not leave alone."
                raise InvalidInputError(msg)
        if self.provider is Provider.GITLAB and self.pattern not in _ON_GITLAB:
            msg = f"Pattern {self.pattern} is not made for GitLab. Take --pattern b1 or b3."
            raise InvalidInputError(msg)
        if self.tool is DeployTool.OFFICIAL_ACTION and self.provider is Provider.GITLAB:
            msg = "The official action runs on GitHub only. Leave out --with official-action."
            raise InvalidInputError(msg)
        if self.tool is DeployTool.DAGSTEAD and self.pattern is Pattern.ROUTED:
            msg = (
                "`dagstead deploy` reads the configuration when it runs: with it pattern b1 does "
                "what b3 does. Take --pattern b1."
            )
            raise InvalidInputError(msg)
        return self

    def command(self, project_dir: str) -> str:
        """The command that makes the same files, to be run at the root of the repository."""
        default = Options()
        words = ["dagstead", "workflow", "generate"]
        if project_dir != ".":
            words.append(project_dir)
        for flag, chosen, usual in (
            ("--ci", self.provider, default.provider),
            ("--pattern", self.pattern, None),
            ("--with", self.tool, default.tool),
            ("--deployment", self.deployment, default.deployment),
            ("--branch", self.branch, default.branch),
            ("--python", self.python, default.python),
        ):
            if chosen != usual:
                words += (flag, str(chosen))
        return shlex.join(words)
