"""Taking only what has changed: since a commit, or beside what is live."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dagstead.build.model import Plan
    from dagstead.client.changed import Changed, Comparing
    from dagstead.client.connection import Connection

_PANEL = "What is taken"

SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="REV",
        help="Only what has changed since this commit; REV... is the merge base with HEAD.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
ChangedOption = Annotated[
    bool,
    typer.Option(
        "--changed",
        help="Only what differs from what is live, as the control plane knows it.",
        rich_help_panel=_PANEL,
    ),
]


def narrowed(
    plan: Plan,
    path: Path,
    *,
    since: str | None,
    changed: bool,
    url: str | None,
    deployment: str | None,
) -> Plan:
    """The part of a plan that these options ask for; all of it without them."""
    if since is not None:
        return since_only(plan, path, since)
    if not changed:
        return plan
    from dagstead.cli.where import target_of
    from dagstead.client.connection import Connection

    with Connection(target_of(url, deployment)) as connection:
        return changed_only(plan, path, connection)


def since_only(plan: Plan, path: Path, revision: str) -> Plan:
    """The part of a plan that has changed since a commit; says why on standard error."""
    return _only(plan, _comparing(plan, path).since(revision))


def changed_only(plan: Plan, path: Path, connection: Connection) -> Plan:
    """The part of a plan that differs from what is live; says why on standard error."""
    from dagstead.client.releases import Releases

    return _only(plan, _comparing(plan, path).with_live(Releases(connection).deployed()))


def _comparing(plan: Plan, path: Path) -> Comparing:
    from functools import partial

    from dagstead.client.changed import Comparing
    from dagstead.repository.changes import find_changes
    from dagstead.repository.changes.workflow_files import known_from_workflows

    return Comparing(
        path=path,
        names=tuple(each.location for each in plan.builds),
        find=partial(find_changes, more_known=known_from_workflows),
    )


def _only(plan: Plan, found: Iterable[Changed]) -> Plan:
    names = set()
    for each in found:
        names.add(each.location)
        typer.echo(f"{each.location}: {each.reason}", err=True)
    return replace(plan, builds=tuple(each for each in plan.builds if each.location in names))
