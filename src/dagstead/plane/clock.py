"""Time as a value that is passed in, so that tests can set it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

#: Returns the current time, in seconds since 1970, UTC.
Clock: TypeAlias = Callable[[], float]
