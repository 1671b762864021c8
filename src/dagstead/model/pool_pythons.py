"""What the managed pool's machine has, on its way to the control plane: Pythons, and walls.

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
#: Between the Pythons and the walls.
_WALLS = "_walls-"
_WORD = re.compile(r"[a-z0-9]{1,20}")
_VERSION = re.compile(r"3\.\d{1,2}")


def tag_of_pool(versions: Iterable[str], walls: Iterable[str] = ()) -> str:
    """The tag for versions such as ``3.12``, and the words for walls around user code."""
    words = "-".join(walls)
    return _PREFIX + "-".join(versions) + (f"{_WALLS}{words}" if words else "")


def pythons_of_tag(tag: object) -> tuple[str, ...] | None:
    """The versions that a tag names; ``None`` for another one."""
    if not isinstance(tag, str) or not tag.startswith(_PREFIX):
        return None
    versions = tag.removeprefix(_PREFIX).partition(_WALLS)[0].split("-")
    return tuple(versions) if all(map(_VERSION.fullmatch, versions)) else None


def walls_of_tag(tag: object) -> tuple[str, ...] | None:
    """The words for the walls that a tag names, the level first; ``None`` for another tag."""
    if pythons_of_tag(tag) is None:
        return None
    words = str(tag).partition(_WALLS)[2].split("-")
    return tuple(words) if all(map(_WORD.fullmatch, words)) else None
