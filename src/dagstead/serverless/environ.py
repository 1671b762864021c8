"""What user code may see of the environment that the pool was started in."""

from __future__ import annotations

from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import TYPE_CHECKING

from dagstead.model.agents import BATCH_SIZE, BATCH_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Where official code looks for the token by which it reaches its storage, the control plane. In
#: the agent it is the agent's, in user code that of its own process.
TOKEN_VARIABLE = "DAGSTER_CLOUD_AGENT_TOKEN"  # noqa: S105 - the name of a variable

#: Tokens of the pool's agent: never handed on, whatever a setting says.
_NEVER_PASSED = frozenset({TOKEN_VARIABLE, "DAGSTEAD_POOL_TOKEN"})

#: What a process needs from its machine, and nothing that could be a secret of the server. The
#: proxies are here because without them user code cannot reach the network at all.
_PASSED = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TMPDIR",
    "TZ",
    "LANG",
    "LC_*",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
)

_EVENTS = MappingProxyType({BATCH_VARIABLE: BATCH_SIZE})


def machine_environment(source: Mapping[str, str], passed: Iterable[str]) -> dict[str, str]:
    """The part of ``source`` that may be handed on.

    Args:
        source: The environment of the process that starts another.
        passed: More names to hand on; ``*`` stands for any letters.
    """
    return named(source, (*_PASSED, *passed))


def named(source: Mapping[str, str], patterns: Iterable[str]) -> dict[str, str]:
    """The variables of ``source`` that are named, without the tokens of the pool's agent."""
    wanted = tuple(patterns)
    return {
        name: value
        for name, value in source.items()
        if name not in _NEVER_PASSED and any(fnmatchcase(name, each) for each in wanted)
    }


def container_environment(source: Mapping[str, str], passed: Iterable[str]) -> dict[str, str]:
    """The environment that containers start from: nothing of this machine that is not named.

    Args:
        source: The environment of the agent.
        passed: Names to hand on; ``*`` stands for any letters.
    """
    return {**_EVENTS, **named(source, passed)}


def user_code_environment(source: Mapping[str, str], passed: Iterable[str]) -> dict[str, str]:
    """The environment that code servers and run workers start from.

    As with the official process launcher it has ``DAGSTER_HOME``. Each process gets a token of its
    own besides, see :mod:`dagstead.serverless.worker_tokens`.
    """
    return {**_EVENTS, **machine_environment(source, (*passed, "DAGSTER_HOME"))}
