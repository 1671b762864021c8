"""The one place that decides which control plane a command administers, and how it is reached.

That is over HTTP, at the address of ``--url``, ``DAGSTER_CLOUD_URL`` or a saved login; or in the
folder of ``--data`` or ``DAGSTEAD_DATA``, for the first token and for emergencies. A flag wins over
a variable, which wins over a saved login; without any of them it is the default folder.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from dagstead.cli.control_plane import Administration
from dagstead.cli.options import ConfigOption, DatabaseOption, DataOption, settings
from dagstead.cli.options.groups import grouped
from dagstead.cli.options.target import UrlOption
from dagstead.cli.output import say

if TYPE_CHECKING:
    from dagstead.client.connection import ServerAddress

R = TypeVar("R")

#: GraphQL has no larger whole numbers.
LARGEST_ID = 2**31 - 1

#: Settings of a server that name a control plane on this machine.
_OF_A_FOLDER = ("DAGSTEAD_DATA", "DAGSTEAD_DATABASE", "DAGSTEAD_CONFIG")


@dataclass(frozen=True, kw_only=True, slots=True)
class Where:
    """The options that choose a control plane."""

    url: UrlOption = None
    data: DataOption = None
    database: DatabaseOption = None
    config: ConfigOption = None

    @property
    def folder(self) -> Mapping[str, Any]:
        """The flags that choose one in a folder or a database."""
        return {"data": self.data, "database": self.database, "config": self.config}


def administers(command: Callable[..., R]) -> Callable[..., R]:
    """Call a command with an :class:`Administration` first, and add the options that choose it."""
    hints = get_type_hints(command, include_extras=True)
    _, *own = signature(command).parameters.values()
    parameters = [each.replace(annotation=hints[each.name]) for each in own]
    parameters.append(Parameter("where", Parameter.KEYWORD_ONLY, annotation=Where))

    @wraps(command)
    def call(*, where: Where, **values: Any) -> R:
        with administration(where) as plane:
            return command(plane, **values)

    call.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {each.name: each.annotation for each in parameters}
    return grouped(call)


@contextmanager
def administration(where: Where) -> Iterator[Administration]:
    """The chosen control plane.

    Raises:
        DagsteadError: when there is none, or it refuses the token.
    """
    target = chosen_target(where)
    if target is None:
        from dagstead.cli.local import local_administration

        with local_administration(settings(**where.folder)) as local:
            yield local
        return
    from dagstead.client.agents import Agents
    from dagstead.client.alerts import Alerts
    from dagstead.client.connection import Connection
    from dagstead.client.deployments import Deployments
    from dagstead.client.locations import Locations
    from dagstead.client.parts import Parts
    from dagstead.client.pauses import Pauses
    from dagstead.client.queues import Queues
    from dagstead.client.reasons import Reasons
    from dagstead.client.releases import Releases
    from dagstead.client.secrets import Secrets
    from dagstead.client.storage import Storage
    from dagstead.client.tokens import Tokens
    from dagstead.client.trail import Trail
    from dagstead.client.trust import TrustPolicies

    # Not for one deployment: the one that a variable names may be deleted, or not exist yet.
    with Connection(replace(target, deployment=None)) as connection:
        yield Administration(
            url=target.url,
            tokens=Tokens(connection),
            trust=TrustPolicies(connection),
            deployments=Deployments(connection),
            agents=Agents(connection),
            locations=Locations(connection),
            parts=Parts(connection),
            pauses=Pauses(connection),
            queues=Queues(connection),
            storage=Storage(connection),
            secrets=Secrets(connection),
            trail=Trail(connection),
            reasons=Reasons(connection),
            alerts=lambda deployment: Alerts(connection.on(deployment)),
            releases=lambda deployment: Releases(connection.on(deployment)),
        )


def chosen_target(where: Where) -> ServerAddress | None:
    """Where to reach the chosen control plane; ``None`` means in its folder.

    Raises:
        InvalidInputError: when flags choose two.
    """
    from dagstead.errors import InvalidInputError

    named = [f"--{name}" for name, value in where.folder.items() if value is not None]
    if named and where.url:
        msg = f"--url and {named[0]} name two control planes, or two ways to one. Use one of them."
        raise InvalidInputError(msg)
    if named or (not where.url and _is_here_without_flags()):
        return None
    from dagstead.client.saved_login import target_of

    return target_of(os.environ, where.url)


def _is_here_without_flags() -> bool:
    """Whether the environment chooses a folder; prints what somebody might not expect."""
    from dagstead.client.connection import URL_VARIABLE
    from dagstead.client.saved_login import saved_login

    address = os.environ.get(URL_VARIABLE)
    variable = next((name for name in _OF_A_FOLDER if os.environ.get(name)), None)
    if variable:
        if address:
            _say(f"Using the control plane of {variable}, not the one at {address} (--url).")
        return True
    if address:
        if _default_folder_has_one():
            _say(f"Using the control plane at {address}, not the one in this folder (--data).")
        return False
    login = saved_login(os.environ)
    if login is None:
        return True
    _say(f"Using the control plane at {login.url}, from the saved login.")
    return False


def _default_folder_has_one() -> bool:
    return Path("dagstead-data", "dagstead.db").exists()


def _say(sentence: str) -> None:
    say(sentence, err=True)
