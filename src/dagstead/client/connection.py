"""Connects to one control plane: its address, deployment and token."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Self

import httpx

from dagstead.client.certificates import certificates_for
from dagstead.client.refusals import refusal
from dagstead.errors import (
    ConfigurationError,
    DagsteadError,
    ForbiddenError,
    NotFoundError,
    RefusedError,
    UnauthenticatedError,
    UnreachableError,
)
from dagstead.model.text import plain_data
from dagstead.model.user_agent import USER_AGENT

#: What the official command lines read, too: one set of variables serves both.
URL_VARIABLE = "DAGSTER_CLOUD_URL"
TOKEN_VARIABLE = "DAGSTER_CLOUD_API_TOKEN"  # noqa: S105 - a variable's name
DEPLOYMENT_VARIABLE = "DAGSTER_CLOUD_DEPLOYMENT"

_TOKEN_HEADER = "Dagster-Cloud-Api-Token"  # noqa: S105 - a header's name
_DEPLOYMENT_HEADER = "Dagster-Cloud-Deployment"

#: Longer than the server waits for an agent before it says that none answered.
_SECONDS = 75.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerAddress:
    """Where to reach a control plane, and as whom."""

    url: str
    token: str = field(repr=False)
    #: ``None`` is the server's first one.
    deployment: str | None = None

    @classmethod
    def of(cls, variables: Mapping[str, str], **flags: str | None) -> ServerAddress:
        """From flags (``url``, ``token``, ``deployment``), else from environment variables.

        Raises:
            ConfigurationError: when the address or the token is given nowhere.
        """
        url = flags.get("url") or variables.get(URL_VARIABLE)
        token = flags.get("token") or variables.get(TOKEN_VARIABLE)
        if not url:
            msg = (
                f"Which control plane? Set {URL_VARIABLE}=https://…, name it with --url, or log in "
                "with `dagstead login --url https://…`."
            )
            raise ConfigurationError(msg)
        if not url.startswith(("http://", "https://")):
            msg = f"{url!r} is not the address of a control plane. It begins with https:// or http://."
            raise ConfigurationError(msg)
        if not token:
            msg = (
                f"There is no token for {url}. Log in with `dagstead login --url {url}`, or set "
                f"{TOKEN_VARIABLE} to a user token of `dagstead token create --name NAME`."
            )
            raise ConfigurationError(msg)
        deployment = flags.get("deployment") or variables.get(DEPLOYMENT_VARIABLE) or None
        return cls(url=url.rstrip("/"), token=token, deployment=deployment)


class Connection:
    """Calls on a control plane. Use it as a context manager; not for several threads."""

    def __init__(
        self, target: ServerAddress, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.target = target
        self._http = httpx.Client(
            base_url=target.url,
            headers={_TOKEN_HEADER: target.token, "User-Agent": USER_AGENT},
            timeout=_SECONDS,
            transport=transport,
            verify=certificates_for(target.url),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._http.close()

    def on(self, deployment: str | None) -> Connection:
        """The same connection for a deployment; ``None`` is the server's first one."""
        other = copy(self)
        other.target = replace(self.target, deployment=deployment)
        return other

    def graphql(self, query: str, **variables: Any) -> Mapping[str, Any]:
        """The ``data`` of an operation on the target's deployment.

        Raises:
            UnreachableError: when nobody answers there, or something that is not a control plane.
            UnauthenticatedError: when the token is unknown, revoked or expired.
            ForbiddenError: when the token does not grant it.
            NotFoundError, ConflictError, InvalidInputError: when the server says so.
            RefusedError: with the server's sentences, when it refuses for another reason.
        """
        body = self.post("/graphql", {"query": query, "variables": variables})
        errors = body.get("errors")
        if errors:
            raise refusal(errors)
        data = body.get("data")
        if not isinstance(data, Mapping):
            raise self._no_control_plane("its answer has no data")
        return data

    def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The JSON that a path answers.

        Raises:
            DagsteadError: as :meth:`graphql`.
        """
        try:
            response = self._http.post(path, json=body, headers=self._headers())
        except httpx.HTTPError as error:
            msg = (
                f"{self.target.url} does not answer: {error}. Is {URL_VARIABLE} right, and does "
                f"`curl {self.target.url}/health` say ok from here?"
            )
            raise UnreachableError(msg) from error
        return self._read(response)

    def _headers(self) -> Mapping[str, str]:
        name = self.target.deployment
        return {_DEPLOYMENT_HEADER: name} if name else {}

    def _read(self, response: httpx.Response) -> Mapping[str, Any]:
        try:
            # Others have put names and messages into it, and it ends in a terminal.
            body = plain_data(response.json())
        except ValueError as error:
            raise self._no_control_plane(f"HTTP {response.status_code} without JSON") from error
        if not isinstance(body, Mapping):
            raise self._no_control_plane("its answer is not an object")
        if response.is_success:
            return body
        said = _sentences(body)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            said = f"{self.target.url} refuses the token that was sent: {said}"
        raise _refusal(response.status_code, said)

    def _no_control_plane(self, seen: str) -> UnreachableError:
        return UnreachableError(
            f"{self.target.url} does not answer as a control plane does ({seen}). "
            f"{URL_VARIABLE} is its address without a path."
        )


def _sentences(body: Mapping[str, Any]) -> str:
    errors = body.get("errors")
    if isinstance(errors, list):
        return " ".join(str(each.get("message", each)) for each in errors)
    return str(body.get("error") or body)


def _refusal(status: int, message: str) -> DagsteadError:
    kinds: Mapping[HTTPStatus, type[DagsteadError]] = {
        HTTPStatus.UNAUTHORIZED: UnauthenticatedError,
        HTTPStatus.FORBIDDEN: ForbiddenError,
        HTTPStatus.NOT_FOUND: NotFoundError,
    }
    return kinds.get(HTTPStatus(status), RefusedError)(message)
