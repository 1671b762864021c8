"""Tokens: who may what; and how one is made, rotated and revoked."""

from __future__ import annotations

import shlex
from dataclasses import replace

from starlette.responses import Response

from dagstead.console.calls import Completion, PageCall
from dagstead.console.links import Links
from dagstead.console.states import of_token
from dagstead.errors import DagsteadError, InvalidInputError, NotFoundError, StoreAwayError
from dagstead.plane.grant_words import read_back
from dagstead.plane.lifetimes import Lifetime, read_lifetime, read_overlap
from dagstead.plane.new_tokens import NewToken
from dagstead.plane.role_texts import read_roles
from dagstead.plane.roles import Role, Roles
from dagstead.plane.rotations import Rotation
from dagstead.plane.tokens import HeldKind, Token, TokenKind

_LINKS = Links()
#: Before the name of a deployment, in the names of fields.
_ROLE_IN = "role-in:"
#: What the form offers; anything that the command line takes may be typed.
_LIFETIMES = (("", "as usual"), ("12h", "12 hours"), ("30d", "30 days"), ("90d", "90 days"))


def tokens(call: PageCall) -> Response:
    """All of them; those that open nothing only when they are asked for."""
    every = call.control.tokens.all(call.actor)
    shows_all = call.query("all") is not None
    valid = [each for each in every if each.is_valid_at(call.now)]
    shown = every if shows_all else valid
    return call.show(
        "tokens.html",
        title="Tokens",
        here="tokens",
        command="dagstead token list" + (" --all" if shows_all else ""),
        rows=[
            (each, of_token(each, call.now), grants_of(each), kind_of(each))
            for each in reversed(shown)
        ],
        shows_all=shows_all,
        counts=(len(valid), len(every)),
    )


def token(call: PageCall) -> Response:
    """One of them."""
    found = _found(call)
    return call.show(
        "token.html",
        title=found.name,
        here="tokens",
        command=f"dagstead token rotate {found.id}",
        token=found,
        state=of_token(found, call.now),
        kind=kind_of(found),
        grants=read_back(found.kind, found.grant),
        is_valid=found.is_valid_at(call.now),
        rotated=None,
    )


def new_token(call: PageCall) -> Response:
    """The form, with what it means so far."""
    call.actor.require_organization("Creating a token")
    granted = call.control.deployments.granted(call.actor)
    queues = {each.location.queue for each in call.control.overview.locations(call.actor)}
    queues |= {queue for each in call.control.agents.all(call.actor) for queue in each.agent.queues}
    try:
        sentence = _sentence(call)
        problem = None
    except InvalidInputError as error:
        sentence, problem = None, error.message
    return call.show(
        "token_new.html",
        title="New token",
        here="tokens",
        is_live=False,
        kinds=list(HeldKind),
        kind=_kind(call),
        deployments=[each.name for each in granted if not each.is_branch],
        queues=sorted(queue for queue in queues if queue is not None),
        lifetimes=_LIFETIMES,
        roles=list(Role),
        roles_in=any(call.field(each) for each in call.form if each.startswith(_ROLE_IN)),
        sentence=sentence,
        shell=None if sentence is None else _shell(call),
        problem=problem,
        address_of_form=_LINKS.page("tokens/new"),
    )


def create(call: PageCall) -> Response:
    """Make it, and show its secret this once; or only read it back."""
    if call.field("step") != "create":
        return new_token(call)
    kind = _kind(call)
    try:
        issued = call.control.tokens.issue(
            call.actor,
            call.field("name"),
            kind,
            _wanted(call).grant(call.now),
            call.services.organization,
        )
    except StoreAwayError:
        raise
    except DagsteadError as error:
        return new_token(replace(call, error=error))
    return call.show(
        "token_made.html",
        title="The token is made",
        here="tokens",
        is_live=False,
        is_private=True,
        token=issued.token,
        secret=issued.secret,
        grants=read_back(kind, issued.token.grant),
        former_ends_at=None,
        url=call.base_url,
        organization=call.services.organization,
    )


def rotate(call: PageCall) -> Response:
    """Give it a new secret, and show that this once."""
    try:
        rotated = call.control.tokens.rotate(
            call.actor,
            _id(call),
            Rotation(overlap_seconds=read_overlap(call.field("overlap") or "1d")),
            call.services.organization,
        )
    except StoreAwayError:
        raise
    except DagsteadError as error:
        return token(replace(call, error=error))
    return call.show(
        "token_made.html",
        title="The token has a new secret",
        here="tokens",
        is_live=False,
        is_private=True,
        token=rotated.token,
        secret=rotated.secret,
        grants=read_back(rotated.token.kind, rotated.token.grant),
        former_ends_at=rotated.former_ends_at,
        url=call.base_url,
        organization=call.services.organization,
    )


def revoke(call: PageCall) -> Completion:
    """Have it open nothing any more, at once."""
    revoked = call.control.tokens.revoke(call.actor, _id(call))
    return Completion(_LINKS.page("tokens"), f"Token {revoked.id} {revoked.name} is revoked.")


def grants_of(found: Token) -> str:
    """What a token grants, in a few words."""
    where = found.describe_deployments()
    where = "all deployments" if where == "all" else where
    if found.kind is TokenKind.USER:
        only = "" if found.locations is None else f" · only {', '.join(sorted(found.locations))}"
        return f"{found.roles} in {where}{only}"
    queues = "every queue" if found.queues is None else found.describe_queues()
    return f"{queues} in {where}"


def kind_of(found: Token) -> str:
    """Who holds it."""
    match found.kind:
        case TokenKind.USER:
            return "CI job" if found.repository else "person"
        case TokenKind.POOL:
            return "managed pool"
        case kind:
            return str(kind)


def _sentence(call: PageCall) -> str:
    return read_back(_kind(call), _wanted(call).grant(call.now))


def _shell(call: PageCall) -> str:
    """The command that makes the same token."""
    wanted = _wanted(call)
    words = ["dagstead", "token", "create", "--kind", str(wanted.kind), "--name"]
    words.append(wanted.name or "NAME")
    for name in wanted.deployments or ():
        words += ["--deployment", name]
    if wanted.branch_deployments and not wanted.deployments:
        words.append("--only-branch-deployments")
    elif wanted.branch_deployments:
        words.append("--branch-deployments")
    for name in wanted.queues or ():
        words += ["--queue", name]
    if wanted.queues and wanted.default_queue:
        words.append("--default-queue")
    if call.field("expires"):
        words += ["--expires", call.field("expires")]
    if wanted.roles is not None:
        words += _role_words(wanted.roles)
    return shlex.join(words)


def _role_words(roles: Roles) -> list[str]:
    words = [] if roles.default is Role.ADMIN else ["--role", str(roles.default)]
    for grant in roles.ordered:
        is_of_branches = grant.deployment is None
        words += (
            ["--branch-role", str(grant.role)]
            if is_of_branches
            else ["--role", f"{grant.place}={grant.role}"]
        )
    return words


def _kind(call: PageCall) -> TokenKind:
    text = call.field("kind") or call.query("kind") or HeldKind.AGENT
    try:
        return TokenKind(HeldKind(text))
    except ValueError as error:
        raise InvalidInputError(f"{text!r:.40} is no kind of token.") from error


def _wanted(call: PageCall) -> NewToken:
    kind = _kind(call)
    is_limited = call.field("where") == "some"
    names_queues = kind is TokenKind.AGENT and call.field("which") == "some"
    queues = [*call.fields("queue"), *call.field("queues").replace(",", " ").split()]
    return NewToken(
        name=call.field("name"),
        kind=kind,
        deployments=call.fields("deployment") if is_limited else None,
        branch_deployments=bool(call.field("branches")) if is_limited else None,
        queues=queues if names_queues else None,
        default_queue=bool(call.field("default_queue")) if names_queues else None,
        lifetime=_lifetime(call),
        roles=_roles(call) if kind is TokenKind.USER else None,
    )


def _lifetime(call: PageCall) -> Lifetime | None:
    text = call.field("expires")
    return read_lifetime(text) if text else None


def _roles(call: PageCall) -> Roles:
    branch = call.field("branch_role")
    return read_roles(
        [call.field("role") or Role.ADMIN, *_other_roles(call)],
        branch_role=_role(branch) if branch else None,
        default=Role.ADMIN,
        label="Role",
    )


def _other_roles(call: PageCall) -> list[str]:
    """In single deployments and at code locations, as the command line takes them."""
    chosen = (
        f"{name.removeprefix(_ROLE_IN)}={call.field(name)}"
        for name in call.form
        if name.startswith(_ROLE_IN) and call.field(name)
    )
    return [*chosen, *call.field("roles").split()]


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError as error:
        raise InvalidInputError(f"{text!r:.40} is no role.") from error


def _found(call: PageCall) -> Token:
    token_id = _id(call)
    for each in call.control.tokens.all(call.actor):
        if each.id == token_id:
            return each
    raise NotFoundError(f"There is no token {token_id}.")


def _id(call: PageCall) -> int:
    return call.number("token")
