"""What ``uses:`` names: the official action and its parts, and how old a reference is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

OFFICIAL = "dagster-io/dagster-cloud-action"

#: The first release in which `ci init`, and all that follows it, heeds DAGSTER_CLOUD_URL.
HEEDS_URL = (1, 12, 12)

#: The parts of the official action, as its repository has them.
PARTS = frozenset(
    {
        "actions/build_deploy_python_executable",
        "actions/hybrid_branch_deploy",
        "actions/hybrid_prod_deploy",
        "actions/serverless_branch_deploy",
        "actions/serverless_prod_deploy",
        "actions/utils/ci-init",
        "actions/utils/copy_template",
        "actions/utils/dagster-cloud-cli",
        "actions/utils/deploy",
        "actions/utils/dg-cli",
        "actions/utils/dg-deploy-init",
        "actions/utils/get_branch_deployment",
        "actions/utils/launch_job",
        "actions/utils/notify",
        "actions/utils/parse_workspace",
        "actions/utils/prerun",
        "actions/utils/registry_info",
        "actions/utils/run",
    }
)
#: Actions that are no longer maintained, and what does their work.
RETIRED: Mapping[str, str] = {
    "dagster-io/dagster-cloud-cicd-action": f"{OFFICIAL}/actions/utils/ci-init and what follows it",
}

_REFERENCE = re.compile(r"(?P<name>[^@\s]+)@(?P<ref>\S+)")
_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_COMMENT = re.compile(r"[^\n#]*#\s*(v\d[\w.-]*)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """An action at a version."""

    #: ``owner/repository`` and the path in it, or a path that begins with ``./``.
    name: str
    ref: str
    #: The release that a comment behind a commit names.
    comment: str = ""

    @property
    def part(self) -> str:
        """Of the official action the part, otherwise empty."""
        return self.name.removeprefix(f"{OFFICIAL}/") if self.is_official else ""

    @property
    def is_official(self) -> bool:
        """Whether it belongs to the official action."""
        return self.name == OFFICIAL or self.name.startswith(f"{OFFICIAL}/")

    @property
    def is_commit(self) -> bool:
        """Whether it cannot move."""
        return _COMMIT.fullmatch(self.ref) is not None

    @property
    def version(self) -> tuple[int, int, int] | None:
        """The release, ``None`` for a branch, a moving tag, or a commit without a comment."""
        found = _VERSION.fullmatch(self.comment if self.is_commit else self.ref)
        if found is None or found[3] is None:
            return None
        return int(found[1]), int(found[2]), int(found[3])

    @property
    def moves(self) -> bool:
        """Whether it names a tag or branch that is moved with each release."""
        return not self.is_commit and self.version is None

    @property
    def ignores_url(self) -> bool:
        """Whether its `ci init` calls dagster.cloud whatever DAGSTER_CLOUD_URL says.

        What `v0.1` and the like hold cannot be seen; they are old tags, and it is assumed so.
        """
        if self.version is not None:
            return self.version < HEEDS_URL
        return self.ref in {"v0.1", "pex-v0.1"}


def reference(text: str, line: str = "") -> Reference | None:
    """Read the value of ``uses:``; ``line`` is the line of the file behind it.

    ``None`` for what is no action at a version: an image, or a path without one.
    """
    if text.startswith("./"):
        return Reference(name=text.rstrip("/"), ref="")
    found = _REFERENCE.fullmatch(text.strip())
    if found is None or text.startswith("docker://"):
        return None
    comment = _COMMENT.match(line)
    return Reference(
        name=found["name"].rstrip("/"),
        ref=found["ref"],
        comment=comment[1] if comment else "",
    )
