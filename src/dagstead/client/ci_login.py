"""Logging in from CI: the provider's token, and ours for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

import httpx

from dagstead.client.certificates import certificates_for
from dagstead.client.connection import Connection, ServerAddress
from dagstead.errors import ConfigurationError, UnreachableError

#: What GitHub sets for jobs that may ask for a token.
GITHUB_URL_VARIABLE = "ACTIONS_ID_TOKEN_REQUEST_URL"
GITHUB_TOKEN_VARIABLE = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"  # noqa: S105 - a variable's name
#: What GitLab jobs name under ``id_tokens``, unless they are given another name.
GITLAB_VARIABLE = "DAGSTEAD_ID_TOKEN"

_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class CiToken:
    """A token of ours."""

    secret: str = field(repr=False)
    name: str
    #: How long it lives.
    seconds: float
    #: What it may use, for people.
    grants: str


def github_token(
    variables: Mapping[str, str], audience: str, *, transport: httpx.BaseTransport | None = None
) -> str:
    """A token that GitHub signs for this job.

    Raises:
        ConfigurationError: when the job may not ask for one.
        UnreachableError: when GitHub does not give it.
    """
    url, token = variables.get(GITHUB_URL_VARIABLE), variables.get(GITHUB_TOKEN_VARIABLE)
    if not url or not token:
        msg = (
            f"{GITHUB_URL_VARIABLE} is not set: this is not a job of GitHub Actions, or it may not "
            "ask for a token. Give the job `permissions: {id-token: write, contents: read}`."
        )
        raise ConfigurationError(msg)
    address = f"{url}{'&' if '?' in url else '?'}audience={quote(audience, safe='')}"
    try:
        with httpx.Client(
            timeout=_SECONDS, transport=transport, verify=certificates_for(address)
        ) as http:
            response = http.get(address, headers={"Authorization": f"Bearer {token}"})
            response.raise_for_status()
            value = response.json()["value"]
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        msg = f"GitHub did not give a token for this job: {type(error).__name__}. Run it again."
        raise UnreachableError(msg) from error
    return str(value)


def gitlab_token(variables: Mapping[str, str], audience: str, name: str = GITLAB_VARIABLE) -> str:
    """The token that GitLab has put into a variable of this job.

    Raises:
        ConfigurationError: when it is not there.
    """
    token = variables.get(name)
    if not token:
        msg = (
            f"{name} is not set. Give the job `id_tokens: {{{name}: {{aud: {audience}}}}}`, or "
            "name its variable with --token-variable."
        )
        raise ConfigurationError(msg)
    return token


def exchange(
    url: str,
    token: str,
    deployment: str | None = None,
    *,
    transport: httpx.BaseTransport | None = None,
) -> CiToken:
    """A token of ours for one of a CI provider.

    Raises:
        DagsteadError: as :meth:`Connection.post`.
    """
    # There is no token of ours yet: that is what this call is for.
    target = ServerAddress(url=url, token="")
    with Connection(target, transport=transport) as connection:
        answer = connection.post("/oidc/token", {"token": token, "deployment": deployment})
    try:
        names = [*answer["deployments"], *(["branch deployments"] * answer["branch_deployments"])]
        locations = answer["locations"]
        only = "" if locations is None else f"; only to deploy {', '.join(locations)}"
        return CiToken(
            secret=str(answer["token"]),
            name=str(answer["name"]),
            seconds=float(answer["expires_in"]),
            grants=", ".join(names) + only,
        )
    except (KeyError, TypeError, ValueError) as error:
        msg = f"{url} answers the login in a form that is not known here. Is it another version?"
        raise UnreachableError(msg) from error
