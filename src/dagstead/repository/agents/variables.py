"""Environment variables that look as if they set an agent's queues."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dagstead.repository.agents.scan import Mistake, Slip
from dagstead.repository.files.project import ConfigFile

_VARIABLE = re.compile(r"\bDAGSTER_CLOUD_AGENT_QUEUES\w*")
_ADVICE = "Write 'agent_queues:' at the top level of the agent's dagster.yaml"


def ignored_variables(file: ConfigFile) -> Iterator[Slip]:
    """Where a file names one, comments left out: no package of Dagster+ reads them."""
    text = file.source.text
    for found in _VARIABLE.finditer(text):
        line_start = max(text.rfind(end, 0, found.start()) for end in "\r\n") + 1
        if not text[line_start : found.start()].lstrip().startswith("#"):
            yield Slip(
                mistake=Mistake.VARIABLE,
                message=f"nothing reads {found[0]}",
                advice=_ADVICE,
                position=file.source.position(found.start(), found.end()),
            )
