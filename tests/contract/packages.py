"""Where the source of the official agent is, in each minor version that is supported."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tests.contract.documents import Document, documents_of
from tests.support.environments import AGENT_MINORS, agent_environment, own_environment

#: The minor that is installed beside the server.
OWN_MINOR = AGENT_MINORS[-1]


@cache
def agent_documents(minor: str) -> list[Document]:
    """Every operation of the official agent of a minor version."""
    environment = own_environment() if minor == OWN_MINOR else agent_environment(minor)
    [package] = environment.programs.parent.glob("lib/python3*/site-packages/dagster_cloud")
    return documents_of(Path(package))
