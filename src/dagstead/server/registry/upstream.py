"""The registry that has the images: requests to it, with this installation's credentials."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

import httpx
from anyio import to_thread

from dagstead.errors import RegistryAwayError
from dagstead.server.registry.credentials import Credentials, PrintedPassword

logger = logging.getLogger(__name__)

_TIMEOUT = httpx.Timeout(connect=10, read=300, write=300, pool=60)
#: RFC 9110's form of a challenge, as far as registries use it.
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
#: Tokens that do not say for how long they are good, by the specification of registries' tokens.
_TOKEN_SECONDS = 60
_EARLY_SECONDS = 15
#: What a client may say, and a registry answer; everything else is between the two servers.
_SENT = ("content-type", "content-length", "content-range", "range", "accept", "if-none-match")


def make_client() -> httpx.AsyncClient:
    """Connections to the registry. Layers may be large, and come as they are."""
    return httpx.AsyncClient(
        timeout=_TIMEOUT, headers={"accept-encoding": "identity"}, trust_env=False
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryCall:
    """A request of a client, for the registry."""

    method: str
    #: The repository, by its name there.
    repository: str
    #: Where: a whole address, or the part of the path behind the repository.
    at: str
    #: The client's own.
    headers: Mapping[str, str]
    query: str = ""
    content: AsyncIterator[bytes] | bytes | None = None

    @property
    def actions(self) -> str:
        """What it needs to be allowed, in the words of registries' tokens."""
        if self.method == "DELETE" and "uploads" not in self.at:
            return "pull,delete"
        return (
            "pull" if self.method in {"GET", "HEAD"} and "uploads" not in self.at else "pull,push"
        )


@dataclass(kw_only=True, slots=True)
class Upstream:
    """The registry. Belongs to one event loop."""

    #: With its folder, if it has one.
    url: str
    credentials: Credentials | PrintedPassword | None
    client: httpx.AsyncClient
    clock: Callable[[], float] = time.monotonic
    #: The address that gives tokens, and its parameters; empty when the registry takes a password
    #: with each request, ``None`` as long as that is not known.
    _issuer: Mapping[str, str] | None = None
    _tokens: dict[tuple[str, str], tuple[float, str]] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """In which all repositories are."""
        return urlsplit(self.url).path.strip("/")

    @property
    def root(self) -> str:
        """The address of the registry's interface."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}/v2/"

    def name_of(self, repository: str) -> str:
        """The name there of a repository."""
        return f"{self.folder}/{repository}" if self.folder else repository

    async def send(self, call: RegistryCall) -> httpx.Response:
        """Send a request; the answer's body is still to be read, and the answer to be closed.

        Raises:
            RegistryAwayError: the registry does not answer, or does not take the credentials.
        """
        response = await self._sent(call)
        if response.status_code != HTTPStatus.UNAUTHORIZED:
            return response
        # What was known of passwords and tokens is no longer true.
        await response.aclose()
        self._forget()
        if call.content is None or isinstance(call.content, bytes):
            response = await self._sent(call)
            if response.status_code != HTTPStatus.UNAUTHORIZED:
                return response
            await response.aclose()
        raise self._refused(HTTPStatus.UNAUTHORIZED)

    async def require_answer(self) -> None:
        """Find out whether the registry answers and takes the credentials.

        Raises:
            RegistryAwayError: it does not.
        """
        ping = RegistryCall(method="GET", repository="", at=self.root, headers={})
        await (await self.send(ping)).aclose()

    async def _sent(self, call: RegistryCall) -> httpx.Response:
        address = self._address(call)
        headers = {name: call.headers[name] for name in _SENT if name in call.headers}
        try:
            # Uploads may go elsewhere, with permission in the address.
            if _origin(address) == _origin(self.root):
                headers |= await self._authorization(call)
            request = self.client.build_request(
                call.method, address, headers=headers, content=call.content
            )
            # Where it keeps layers elsewhere, a client need not be able to reach that.
            return await self.client.send(
                request, stream=True, follow_redirects=call.method in {"GET", "HEAD"}
            )
        except (httpx.TransportError, httpx.TooManyRedirects, httpx.InvalidURL) as error:
            logger.warning("The registry does not answer: %s: %s", type(error).__name__, error)
            raise _away() from error

    def _address(self, call: RegistryCall) -> str:
        where = f"{call.repository}/{call.at}"
        address = call.at if "://" in call.at else urljoin(self.root, where)
        if not call.query:
            return address
        return f"{address}{'&' if '?' in address else '?'}{call.query}"

    async def _authorization(self, call: RegistryCall) -> dict[str, str]:
        issuer = self._issuer if self._issuer is not None else await self._ask()
        basic = await self._basic()
        if not issuer:
            return basic
        scope = f"repository:{call.repository}:{call.actions}" if call.repository else ""
        key = (call.repository, call.actions)
        until, token = self._tokens.get(key, (0.0, ""))
        if until < self.clock():
            until, token = await self._token(issuer, scope, basic)
            self._tokens[key] = (until, token)
        return {"authorization": f"Bearer {token}"}

    async def _ask(self) -> Mapping[str, str]:
        """Ask how the registry wants to be asked."""
        response = await self.client.get(self.root)
        challenge = response.headers.get("www-authenticate", "")
        is_bearer = challenge.lower().startswith("bearer ")
        self._issuer = dict(_PARAMETER.findall(challenge)) if is_bearer else {}
        return self._issuer

    async def _basic(self) -> dict[str, str]:
        given = self.credentials
        if given is None:
            return {}
        found = await to_thread.run_sync(given) if isinstance(given, PrintedPassword) else given
        value = httpx.BasicAuth(found.name, found.password)
        request = next(value.auth_flow(httpx.Request("GET", self.root)))
        return {"authorization": request.headers["authorization"]}

    async def _token(
        self, issuer: Mapping[str, str], scope: str, basic: Mapping[str, str]
    ) -> tuple[float, str]:
        asked = {
            **({"service": issuer["service"]} if "service" in issuer else {}),
            **({"scope": scope} if scope else {}),
        }
        response = await self.client.get(issuer.get("realm", ""), params=asked, headers=basic)
        if response.status_code != HTTPStatus.OK:
            raise self._refused(response.status_code)
        try:
            given = response.json()
        except ValueError as error:
            raise self._refused(response.status_code) from error
        seconds = max(int(given.get("expires_in") or _TOKEN_SECONDS) - _EARLY_SECONDS, 1)
        return self.clock() + seconds, str(given.get("token") or given.get("access_token") or "")

    def _forget(self) -> None:
        self._issuer = None
        self._tokens.clear()
        if isinstance(self.credentials, PrintedPassword):
            self.credentials.forget()

    def _refused(self, status: int) -> RegistryAwayError:
        logger.warning("The registry answers this installation's own credentials with %s", status)
        return RegistryAwayError(
            "This installation's registry does not take its credentials. Whoever runs the control "
            "plane corrects registry_username and the password, or what registry_command prints."
        )


def _away() -> RegistryAwayError:
    return RegistryAwayError(
        "This installation's registry does not answer. Try again in a moment; whoever runs the "
        "control plane finds the reason in the log of the web server."
    )


def _origin(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.scheme, parts.netloc
