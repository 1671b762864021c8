"""Signs in a script that it chooses locations while it runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dagstead.repository.ci.acts import ActKind

#: Compared with the commit before, or with the last push.
SINCE_LAST_PUSH = re.compile(
    r"git\s+(?:--no-pager\s+)?diff\b[^\n;|]*(?:HEAD(?:\^|~\d*)|ORIG_HEAD|github\.event\.before)"
    r"|\bHEAD\^|github\.event\.before"
)
_COMPARES = re.compile(r"\bgit\s+(?:--no-pager\s+)?(?:diff|diff-tree)\b[^\n]*")
_READS = re.compile(
    r"\byq\b[^\n]*dagster[_-]cloud|load_build_info"
    # A program that loads YAML, and takes the locations of it further on.
    r"|\b(?:safe_|full_)?load(?:_all)?\([^\n]*\)(?=(?s:.)*[\"']locations[\"'])"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ScriptAct:
    """A sign, with its offset in the script."""

    does: ActKind
    by: str
    start: int


def script_acts(script: str) -> Iterator[ScriptAct]:
    """What a script shows besides the commands that Dagster knows."""
    for does, pattern in ((ActKind.COMPARE, _COMPARES), (ActKind.READ, _READS)):
        found = pattern.search(script)
        if found:
            yield ScriptAct(does=does, by=found[0], start=found.start())
