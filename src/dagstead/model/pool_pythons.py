"""The Pythons of the managed pool, on their way from its machine to the control plane.

The pool's agent is the official one, whose heartbeats have no field for this. They do have the tag
of the agent's image, which the official chart sets and the pool has no other use for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Where the official agent takes the tag from (``dagster_cloud.agent``).
TAG_VARIABLE = "DAGSTER_CLOUD_AGENT_IMAGE_TAG"
#: What its heartbeats call it.
TAG_KEY = "image_tag"

_PREFIX = "python-"
_VERSION = re.compile(r"3\.\d{1,2}")


def tag_of_pythons(versions: Iterable[str]) -> str:
    """The tag for versions such as ``3.12``."""
    return _PREFIX + "-".join(versions)


def pythons_of_tag(tag: object) -> tuple[str, ...] | None:
    """The versions that a tag names; ``None`` for another one."""
    if not isinstance(tag, str) or not tag.startswith(_PREFIX):
        return None
    versions = tag.removeprefix(_PREFIX).split("-")
    return tuple(versions) if all(map(_VERSION.fullmatch, versions)) else None
