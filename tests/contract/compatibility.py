"""Writes ``docs/reference/compatibility.md`` from what the contract tests find and check.

Run ``python -m tests.contract.compatibility`` after a change of the tables or of a version.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dagstead.operator_api.not_offered import NOT_OFFERED
from tests.contract.client_commands import client_section
from tests.contract.client_packages import CLIENT_PACKAGES, client_documents
from tests.contract.documents import Document
from tests.contract.packages import agent_documents
from tests.contract.refused import REFUSED
from tests.support.environments import AGENT_MINORS, REPOSITORY

PAGE = REPOSITORY / "docs" / "reference" / "compatibility.md"

_HEAD = """\
# Compatibility

Written by `python -m tests.contract.compatibility`; do not edit it. The contract tests find every
operation in the source of the official packages and execute each against deployments on SQLite and
on Postgres that real runs have filled; the compat tests drive the unmodified agents and command
lines.
"""

_COMMANDS = """
## Commands

What happened when a test ran a command of the official command lines against this control plane.
The tests of `tests/compat` keep what they see in `tests/contract/records` and fail when it differs.
A command that no test runs is listed as not tried; a hidden one is not in the command's own help.
"""

_AGENT = """
## What agents ask

GraphQL operations of the official agent (`dagster-cloud`), by its minor version. A dash: that
version does not send it.
"""

_CLIENTS = """
## What command lines ask

GraphQL operations of {packages}.
"""


def page() -> str:
    """The whole page."""
    packages = ", ".join(f"`{name}`" for name in CLIENT_PACKAGES)
    return "".join(
        [
            _HEAD,
            _COMMANDS,
            "\n",
            client_section(),
            _AGENT,
            "\n",
            _agent_section(),
            _CLIENTS.format(packages=packages),
            "\n",
            _client_operations(),
        ]
    )


def _agent_section() -> str:
    asked = {minor: _paths(agent_documents(minor)) for minor in AGENT_MINORS}
    lines = [
        f"| operation | {' | '.join(AGENT_MINORS)} | |",
        f"| --- | {' | '.join('---' for _ in AGENT_MINORS)} | --- |",
    ]
    for path in sorted(set().union(*asked.values())):
        outcome = "refused" if path in REFUSED else "answered"
        cells = [outcome if path in asked[minor] else "-" for minor in AGENT_MINORS]
        lines.append(f"| `{path}` | {' | '.join(cells)} | {REFUSED.get(path, '')} |")
    return "\n".join(lines) + "\n"


def _client_operations() -> str:
    lines = ["| operation | | |", "| --- | --- | --- |"]
    for path in sorted(_paths(client_documents())):
        sentence = NOT_OFFERED.get(path)
        outcome = "answered" if sentence is None else "refused"
        lines.append(f"| `{path}` | {outcome} | {sentence or ''} |")
    return "\n".join(lines) + "\n"


def _paths(documents: Iterable[Document]) -> set[str]:
    return {path for document in documents for path in document.paths}


def write(target: Path = PAGE) -> None:
    """Write the page."""
    target.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write()
