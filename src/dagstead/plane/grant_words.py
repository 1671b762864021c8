"""What a token will grant, read back in sentences before it is made."""

from __future__ import annotations

from datetime import UTC, datetime

from dagstead.model.queues import name_queue
from dagstead.plane.roles import Role, Roles
from dagstead.plane.tokens import Grant, TokenKind

_MAY = {
    Role.VIEWER: "see everything and change nothing",
    Role.LAUNCHER: "see everything, and launch and end runs",
    Role.EDITOR: "launch runs, deploy code, and change settings and secrets",
    Role.ADMIN: "do everything",
}


def read_back(kind: TokenKind, grant: Grant) -> str:
    """Sentences that say what the holder of such a token may do."""
    where = _where(grant)
    match kind:
        case TokenKind.AGENT:
            says = f"An agent with it gets the work of {_queues(grant)} in {where}."
        case TokenKind.POOL:
            says = f"A managed pool with it runs the code of the default queue in {where}."
        case _:
            says = f"Whoever holds it may {_role(grant.roles)} in {where}.{_whole(grant)}"
    return f"{says} {_end(grant.expires_at)}"


def _where(grant: Grant) -> str:
    if grant.deployments is None:
        return "all deployments" if grant.branch_deployments else "all full deployments"
    names = [f"deployment {name!r}" for name in sorted(grant.deployments)]
    if grant.branch_deployments:
        names.append("branch deployments")
    return _listed(names) or "no deployment"


def _queues(grant: Grant) -> str:
    if grant.queues is None:
        return "every queue"
    named = [name_queue(queue) for queue in sorted(q for q in grant.queues if q is not None)]
    return _listed([*named, *([name_queue(None)] if None in grant.queues else [])])


def _role(roles: Roles) -> str:
    return _MAY[roles.default]


def _whole(grant: Grant) -> str:
    is_whole = grant.deployments is None and grant.branch_deployments
    if is_whole and grant.roles.least is Role.ADMIN:
        return " That includes making tokens and deployments."
    return ""


def _end(expires_at: float | None) -> str:
    if expires_at is None:
        return "It is valid until it is revoked."
    return f"It ends on {datetime.fromtimestamp(expires_at, UTC):%Y-%m-%d at %H:%M} UTC."


def _listed(names: list[str]) -> str:
    if len(names) < 2:  # noqa: PLR2004 - one name, or none
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
