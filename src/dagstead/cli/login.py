"""``dagstead login`` and ``logout``: a token for a CI job, or one that a person saves here."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.cli.options.groups import grouped
from dagstead.cli.options.login import ExchangeFlags, JobFlags, Output
from dagstead.cli.output import say

if TYPE_CHECKING:
    from dagstead.client.ci_login import CiToken

#: GitHub's file of variables for the steps that follow.
_GITHUB_FILE = "GITHUB_ENV"
#: Variables that show which CI runs the job.
_CI_VARIABLES = frozenset({"GITHUB_ACTIONS", "GITLAB_CI"})


@grouped
def login(
    *,
    job: JobFlags,
    wanted: ExchangeFlags,
    output: Annotated[
        Output | None,
        typer.Option(
            "--output",
            help="github-env: set the token for the steps that follow (the default on GitHub). "
            "export: print a command for the shell.",
        ),
    ] = None,
) -> None:
    """Log in: save a token for later commands, or get one that is valid for minutes in a CI job.

    At a terminal you are asked for a user token; otherwise it is read from standard input. It is
    saved with the address in your configuration folder, and used when neither --url nor
    DAGSTER_CLOUD_URL is given. `dagstead logout` removes it.

    In a job of GitHub Actions or GitLab CI, the job's own token is exchanged for one of the control
    plane. `dagstead trust add` allows jobs to do so. No secret has to be stored in CI.

    For example:

    - `dagstead login --url https://dagstead.example.com`

    - `dagstead login --github --url https://dagstead.example.com`

    - `eval "$(dagstead login --gitlab)"`
    """
    from dagstead.client.ci_login import exchange

    address = _address(wanted.url)
    if not (job.github or job.gitlab) and not _CI_VARIABLES & os.environ.keys():
        _save(address)
        return
    own = _provider_token(address, wanted.token_variable, job)
    _hand_over(exchange(address, own, wanted.deployment), output)


def logout() -> None:
    """Remove the token that `dagstead login` has saved on this machine.

    The token itself stays valid until `dagstead token revoke` revokes it.

    For example: `dagstead logout`
    """
    from dagstead.client.saved_login import forget_login

    if forget_login(os.environ):
        say("Logged out. The token stays valid until you revoke it: `dagstead token revoke`.")
    else:
        say("There is no saved login.")


def _save(address: str) -> None:
    from dagstead.client.saved_login import SavedLogin, check_login, save_login

    login = SavedLogin(url=address, token=_typed_token())
    check_login(login)
    file = save_login(os.environ, login)
    say(f"Logged in to {address}. The token is in {file}.")


def _typed_token() -> str:
    """The token of a person. It is not a flag: others would see it in the list of processes."""
    from dagstead.errors import InvalidInputError

    if sys.stdin.isatty():
        return str(typer.prompt("User token", hide_input=True)).strip()
    token = sys.stdin.readline().strip()
    if not token:
        msg = (
            "There is no token on standard input. Pass a user token from `dagstead token create`; "
            "in a CI job that is not recognized, use --github or --gitlab."
        )
        raise InvalidInputError(msg)
    return token


def _address(url: str | None) -> str:
    from dagstead.errors import ConfigurationError

    if not url:
        msg = "Which control plane? Set DAGSTER_CLOUD_URL=https://…, or name it with --url."
        raise ConfigurationError(msg)
    if not url.startswith(("http://", "https://")):
        msg = f"{url!r} is not the address of a control plane. It begins with https:// or http://."
        raise ConfigurationError(msg)
    return url.rstrip("/")


def _provider_token(url: str, variable: str | None, job: JobFlags) -> str:
    from dagstead.client.ci_login import GITLAB_VARIABLE, github_token, gitlab_token
    from dagstead.errors import InvalidInputError

    if job.github and job.gitlab:
        msg = "--github and --gitlab contradict each other. Name the one that this job runs on."
        raise InvalidInputError(msg)
    if job.github or (not job.gitlab and "GITHUB_ACTIONS" in os.environ):
        return github_token(os.environ, url)
    return gitlab_token(os.environ, url, variable or GITLAB_VARIABLE)


def _hand_over(token: CiToken, output: Output | None) -> None:
    file = os.environ.get(_GITHUB_FILE)
    chosen = output or (Output.GITHUB_ENV if file else Output.EXPORT)
    if "GITHUB_ACTIONS" in os.environ:
        # GitHub hides from now on what it is told so. The shell that takes an export reads
        # standard output, GitHub both.
        say(f"::add-mask::{token.secret}", err=chosen is Output.EXPORT)
    if chosen is Output.EXPORT:
        say(f"export DAGSTER_CLOUD_API_TOKEN={token.secret}")
    else:
        _append(file, f"DAGSTER_CLOUD_API_TOKEN={token.secret}\n")
    minutes = round(token.seconds / 60)
    say(f"Logged in as {token.name!r} for {minutes} minutes: {token.grants}.", err=True)


def _append(file: str | None, line: str) -> None:
    from dagstead.errors import ConfigurationError

    if not file:
        msg = (
            f"{_GITHUB_FILE} is not set: this is not a job of GitHub Actions. Use --output export."
        )
        raise ConfigurationError(msg)
    with open(file, "a", encoding="utf-8") as variables:  # noqa: PTH123 - GitHub's, as it is given
        variables.write(line)
