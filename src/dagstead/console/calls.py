"""One request for a page: who asks, and how it is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from typing import Any, Protocol, TypeAlias

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from dagstead.console.render import NOTE_COOKIE, Frame, Renderer, is_part, written_note
from dagstead.control.actor import Actor
from dagstead.control.all import Control
from dagstead.control.releases import Redeploy
from dagstead.errors import (
    ConflictError,
    DagsteadError,
    DeploymentNotFoundError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    StoreAwayError,
)
from dagstead.plane.deployments import Deployment
from dagstead.plane.given_secrets import GivenSecret
from dagstead.plane.tokens import Token, TokenKind

#: A note is shown once, by the page that follows.
_NOTE_SECONDS = 30
_NOTE_MOST = 800


class RedeployIn(Protocol):
    """Makes new deploys for a deployment from documents that were deployed before."""

    def __call__(self, deployment: Deployment) -> Redeploy:
        """Those of one deployment."""


#: Of what a database numbers.
_LARGEST_NUMBER = 2**31 - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """What pages work with."""

    control: Control
    renderer: Renderer
    organization: str
    #: Of the server's environment.
    secrets: Sequence[GivenSecret]
    redeploy: RedeployIn
    #: Whether this process is about to end: streams end with it.
    is_closing: Callable[[], bool]


@dataclass(frozen=True, kw_only=True, slots=True)
class PageCall:
    """One request."""

    request: Request
    services: Services
    actor: Actor
    #: What a form sent.
    form: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: Why what it asks for was not done.
    error: DagsteadError | None = None

    @property
    def control(self) -> Control:
        """All acts and views."""
        return self.services.control

    @property
    def now(self) -> float:
        """The current time."""
        return self.control.clock()

    @property
    def base_url(self) -> str:
        """This server as the browser reaches it."""
        url: str = self.request.state.base_url
        return url

    @property
    def is_part(self) -> bool:
        """Whether an open page asks for its live part again."""
        return is_part(self.request)

    def path(self, name: str) -> str:
        """A part of the address."""
        return str(self.request.path_params[name])

    def number(self, name: str) -> int:
        """A number in the address.

        Raises:
            NotFoundError: for one that nothing can have.
        """
        found = int(self.request.path_params[name])
        if found > _LARGEST_NUMBER:
            raise NotFoundError(f"There is nothing of number {found}.")
        return found

    def query(self, name: str) -> str | None:
        """What is chosen on the page; ``None`` for nothing."""
        return self.request.query_params.get(name, "").strip() or None

    def field(self, name: str) -> str:
        """A field of the form; empty if it was left out."""
        return next(iter(self.form.get(name, ())), "").strip()

    def fields(self, name: str) -> list[str]:
        """All fields of that name which are not empty."""
        return [each.strip() for each in self.form.get(name, ()) if each.strip()]

    def deployment(self, name: str) -> Deployment:
        """The deployment of that name, if the caller may see it."""
        return self.control.deployments.named(self.actor, name)

    def chosen_deployment(self, granted: Sequence[Deployment]) -> Deployment:
        """The deployment that a page is about; if none is chosen, the first full one.

        Args:
            granted: what the caller may see.

        Raises:
            DeploymentNotFoundError: when there is none.
        """
        name = self.query("deployment") or self.field("deployment")
        if name:
            return self.deployment(name)
        full = [each for each in granted if not each.is_branch]
        preferred = [each for each in full if each.name == "prod"]
        first = [*preferred, *full, *granted]
        if not first:
            raise DeploymentNotFoundError("There is no deployment that your token grants.")
        return first[0]

    def show(
        self,
        template: str,
        *,
        status: HTTPStatus = HTTPStatus.OK,
        is_private: bool = False,
        **values: Any,
    ) -> Response:
        """A page; if an act has failed, with the reason."""
        frame = Frame(
            actor=self.actor, base_url=self.base_url, organization=self.services.organization
        )
        return self.services.renderer.page(
            self.request,
            frame,
            template,
            status=status if self.error is None else status_of(self.error),
            is_private=is_private,
            **{
                "here": "",
                "is_live": True,
                "command": None,
                "now": self.now,
                "form": self,
                "error": self.error,
                **values,
            },
        )

    def go(self, address: str, note: str = "") -> Response:
        """To another page, which shows a note once."""
        response = RedirectResponse(address, status_code=HTTPStatus.SEE_OTHER)
        if note:
            response.set_cookie(
                NOTE_COOKIE,
                written_note(note[:_NOTE_MOST]),
                max_age=_NOTE_SECONDS,
                path="/-/",
                httponly=True,
                samesite="strict",
            )
        return response


Handler: TypeAlias = Callable[[PageCall], Response]


@dataclass(frozen=True, slots=True)
class Completion:
    """What an act has done, and where its effect is seen."""

    address: str
    note: str


def acting(do: Callable[[PageCall], Completion], page: Handler) -> Handler:
    """Do what a form asks for; where that fails, show the page with the form again."""

    def handler(call: PageCall) -> Response:
        try:
            done = do(call)
        except StoreAwayError:
            raise
        except DagsteadError as error:
            return _with_error(page, call, error)
        return call.go(done.address, done.note)

    return handler


def _with_error(page: Handler, call: PageCall, error: DagsteadError) -> Response:
    try:
        return page(replace(call, error=error))
    except StoreAwayError:
        raise
    except DagsteadError:
        # The page itself is not for the caller, or is gone: what was asked for says why.
        raise error from None


def endpoint(services: Services, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Serve a page in a thread, as views read the database."""

    async def answer(request: Request) -> Response:
        token: Token = request.state.token
        require_person(token)
        call = PageCall(
            request=request,
            services=services,
            actor=Actor.holding(token, getattr(request.state, "address", None)),
            form=await _form(request) if request.method == "POST" else {},
        )
        return await to_thread.run_sync(partial(_answered, handler, call))

    return answer


def status_of(error: DagsteadError) -> HTTPStatus:
    """How an error of an act is answered."""
    for kind, status in (
        (ForbiddenError, HTTPStatus.FORBIDDEN),
        (NotFoundError, HTTPStatus.NOT_FOUND),
        (ConflictError, HTTPStatus.CONFLICT),
        (InvalidInputError, HTTPStatus.UNPROCESSABLE_ENTITY),
    ):
        if isinstance(error, kind):
            return status
    return HTTPStatus.INTERNAL_SERVER_ERROR


def _answered(handler: Handler, call: PageCall) -> Response:
    try:
        return handler(call)
    except StoreAwayError:
        raise
    except (ForbiddenError, NotFoundError, InvalidInputError, ConflictError) as error:
        failed = replace(call, error=error)
        return failed.show("failed.html", title=_TITLES.get(status_of(error), "That did not work"))


_TITLES = {
    HTTPStatus.FORBIDDEN: "Your token does not allow this",
    HTTPStatus.NOT_FOUND: "There is no such thing",
}


def require_person(token: Token) -> None:
    """Let nobody see pages but people.

    Raises:
        ForbiddenError: for the token of an agent, or of user code.
    """
    if token.kind is not TokenKind.USER:
        raise ForbiddenError(
            f"Token {token.name!r} is {token.kind.described}, and these pages are for people. "
            "Create a user token with `dagstead token create --kind user`."
        )


async def _form(request: Request) -> Mapping[str, Sequence[str]]:
    try:
        form = await request.form()
    except HTTPException as error:
        raise InvalidInputError("The form cannot be read. Go back and send it again.") from error
    found: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            found.setdefault(name, []).append(value)
    return found
