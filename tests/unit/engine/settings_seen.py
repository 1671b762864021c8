"""Marks the tests that see what a setting does; `test_tables.py` finds the settings without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T", bound=Callable[..., None])

#: The paths of settings that a test of this folder sees at work, by whose settings they are.
SEEN: dict[str, set[str]] = {"deployment": set(), "organization": set()}


def sees(*paths: str, of: str = "deployment") -> Callable[[T], T]:
    """A test that fails when one of these settings has no effect."""

    def mark(test: T) -> T:
        SEEN[of] |= set(paths)
        return test

    return mark
