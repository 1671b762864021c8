"""Environment variables that look as if they set an agent's queues."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dagstead.model.nodes import Node
from dagstead.repository.agents.scan import Mistake, Slip
from dagstead.repository.files.project import ConfigFile

_VARIABLE = re.compile(r"\bDAGSTER_CLOUD_AGENT_QUEUES\w*")
_ADVICE = "Write 'agent_queues:' at the top level of the agent's dagster.yaml"


def ignored_variables(file: ConfigFile, within: Node | None = None) -> Iterator[Slip]:
    """Where a file, or a part of it, names one: no package of Dagster+ reads them.

    Comments are left out.
    """
    text = file.source.text
    start, end = (0, len(text)) if within is None else (within.start, within.end)
    for found in _VARIABLE.finditer(text, start, end):
        line_start = max(text.rfind(end, 0, found.start()) for end in "\r\n") + 1
        if not text[line_start : found.start()].lstrip().startswith("#"):
            yield Slip(
                mistake=Mistake.VARIABLE,
                message=f"nothing reads {found[0]}",
                advice=_ADVICE,
                position=file.source.position(found.start(), found.end()),
            )
