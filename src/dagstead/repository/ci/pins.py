"""What generated files use, each at one version: the actions by commit, the packages by number.

A tag of an action can be moved, a commit cannot. The packages are those that the tests run.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """An action of GitHub at a commit."""

    name: str
    commit: str
    #: The release that has this commit, for people and for tools that update it.
    version: str

    @property
    def reference(self) -> str:
        """What ``uses:`` names, without the comment."""
        return f"{self.name}@{self.commit}"


CHECKOUT = Action(
    name="actions/checkout", commit="08c6903cd8c0fde910a37f88322edcfb5dd907a8", version="v5.0.0"
)
SETUP_PYTHON = Action(
    name="actions/setup-python",
    commit="e797f83bcb11b83ae66e0230d6156d7c80228e7c",
    version="v6.0.0",
)
DOCKER_LOGIN = Action(
    name="docker/login-action",
    commit="5e57cd118135c172c3672efd75eb46360885c0ef",
    version="v3.6.0",
)
DOCKER_BUILDX = Action(
    name="docker/setup-buildx-action",
    commit="8d2750c68a42422c14e847fe6c8ac0403b4cbd6f",
    version="v3.12.0",
)

#: The first release that heeds DAGSTER_CLOUD_URL everywhere is v1.12.12.
_OFFICIAL_COMMIT = "274b4e58f7bf5340955bce7526e7529d0870a914"
_OFFICIAL_VERSION = "v1.13.18"


def official_action(part: str) -> Action:
    """A part of the official action, such as ``ci-init``."""
    return Action(
        name=f"dagster-io/dagster-cloud-action/actions/utils/{part}",
        commit=_OFFICIAL_COMMIT,
        version=_OFFICIAL_VERSION,
    )


#: ``dagster-cloud-cli`` calls ``pex`` to build PEX files, and ``uv`` to build projects for them.
CLI = "dagster-cloud-cli==1.13.27"
PEX_TOOLS = ("pex==2.59.5", "uv==0.13.9")
#: What a `setup.py` calls, which Python brings itself only before 3.12.
SETUPTOOLS = "setuptools==84.2.1"

RUNNER = "ubuntu-24.04"
