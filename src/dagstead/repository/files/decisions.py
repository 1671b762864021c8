"""How the kind and the slug of a location are decided.

Generated workflows carry the source of these functions, to run where this package is not installed:
they are plain Python of any version from 3.9, on plain values, and need ``re`` alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container


def decide_kind(look: Callable[[str], object]) -> tuple[str, tuple[str, ...]]:
    """The kind of a location, and the keys that show it; ``look`` gives the value of a key."""

    def is_text(key: str) -> bool:
        value = look(key)
        return isinstance(value, str) and value != ""

    if is_text("build.registry"):
        return "hybrid", ("build.registry",)
    for key in ("image", "executable_path"):
        if is_text(key) and is_text("build.directory"):
            return "ambiguous", (key, "build.directory")
        if is_text(key):
            return "prebuilt", (key,)
    for key in ("agent_queue", "container_context"):
        if look(key) is not None:
            return "ambiguous", (key,)
    return "serverless", ()


def value_at(entry: object, path: str) -> object:
    """The value of a key in mappings; bytes are text to the official command line."""
    for key in path.split("."):
        entry = entry.get(key) if isinstance(entry, dict) else None
    if isinstance(entry, bytes):
        try:
            return entry.decode("utf-8")
        except UnicodeDecodeError:
            return entry
    return entry


def slug_of(name: str) -> str:
    """A name in the form of tags and file names; two names may have the same."""
    # A tag of an image has at most 128 characters; the rest of it are a commit and numbers.
    slug = re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-_")
    return slug[:48].rstrip("-_") or "location"


def free_slug(name: str, taken: Container[str]) -> str:
    """The slug of a name, with a number where it is taken."""
    slug, number = slug_of(name), 2
    while slug in taken:
        slug, number = f"{slug_of(name)}-{number}", number + 1
    return slug
