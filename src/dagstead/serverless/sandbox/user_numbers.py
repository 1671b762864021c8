"""The numbers that users of the pool may have."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from dagstead.errors import ConfigurationError

#: Numbers that Linux distributions keep free (systemd's list of ranges, "unused"). Every pool has a
#: part of them: several may be on a machine.
USUAL_RANGE = (2_000_000_000, 2_099_999_999)
_PART = 10_000
#: The same where only 16 bits can be used, as in a container with users of its own.
SMALL_RANGE = (60_706, 61_183)
_RANGE = re.compile(r"(\d{3,10})-(\d{3,10})")


def parsed_range(text: str) -> tuple[int, int]:
    """A range from ``FIRST-LAST``.

    Raises:
        ConfigurationError: it is not one, or has numbers of usual users.
    """
    match = _RANGE.fullmatch(text)
    first, last = (int(match[1]), int(match[2])) if match else (0, 0)
    # Below are the users of a system and its people.
    lowest, highest, fewest = 60_000, 2**32 - 10, 100
    if not lowest <= first <= last - fewest or last > highest:
        msg = (
            f"{text!r} is not a range of user numbers. Use FIRST-LAST, at least {fewest} numbers "
            f"from {lowest} on, such as {USUAL_RANGE[0]}-{USUAL_RANGE[0] + _PART - 1}."
        )
        raise ConfigurationError(msg)
    return first, last


def usable_range(wanted: tuple[int, int] | None, pool: str) -> tuple[int, int] | None:
    """The wanted range or a usual one, if this process's user namespace has all its numbers.

    Args:
        wanted: by a setting.
        pool: a name that no other pool of this machine has.
    """
    return next((found for found in _candidates(wanted, pool) if _is_mapped(found)), None)


def _candidates(wanted: tuple[int, int] | None, pool: str) -> tuple[tuple[int, int], ...]:
    if wanted is not None:
        return (wanted,)
    first, last = USUAL_RANGE
    parts = (last - first + 1) // _PART
    digest = int.from_bytes(hashlib.sha256(pool.encode()).digest()[:8])
    own = first + digest % parts * _PART
    return ((own, own + _PART - 1), SMALL_RANGE)


def _is_mapped(numbers: tuple[int, int]) -> bool:
    for file in ("uid_map", "gid_map"):
        try:
            lines = Path("/proc/self", file).read_text(encoding="ascii").splitlines()
        except OSError:
            return False
        spans = [(int(line.split()[0]), int(line.split()[2])) for line in lines]
        if not any(start <= numbers[0] and numbers[1] < start + count for start, count in spans):
            return False
    return True
