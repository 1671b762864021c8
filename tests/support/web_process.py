"""The process of a web server, seen from outside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psutil

_RECORD = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\S* (?P<level>[A-Z]+) ", re.MULTILINE)
#: Calls every resolver, upstream's as well. What itself refuses is of other files.
_GUARD = "dagstead/operator_api/rights.py:"
_FILE = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')


def most_memory(process: psutil.Process) -> int:
    """The most memory that a process has had, in bytes."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    [line] = [each for each in status.splitlines() if each.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def own_failures(log: str) -> Iterator[str]:
    """What a server logged as a failure in which code of ours had a part.

    Open-source Dagster fails at some values that its own schema allows; of ours, only the check of
    rights calls its resolvers.
    """
    starts = [*_RECORD.finditer(log)]
    for start, following in zip(starts, [*starts[1:], None], strict=True):
        if start["level"] not in {"ERROR", "CRITICAL"}:
            continue
        record = log[start.start() : following.start() if following else len(log)]
        frames = [(each["file"], each["line"]) for each in _FILE.finditer(record)]
        own = [f"{file.rpartition('/src/')[2]}:{line}" for file, line in frames if _is_own(file)]
        if len(own) == 1 and own[0].startswith(_GUARD):
            continue
        if own or not frames:
            first, *_, last = record.splitlines() or [""]
            yield f"{' > '.join(own[-3:])} {last.strip()[:300]} ({first[25:300]})"


def _is_own(file: str) -> bool:
    return "/src/dagstead/" in file
