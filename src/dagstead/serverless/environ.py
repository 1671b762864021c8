"""What user code may see of the environment that the pool was started in."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Holds the pool's agent token. User code needs it: its storage is the control plane.
TOKEN_VARIABLE = "DAGSTER_CLOUD_AGENT_TOKEN"  # noqa: S105 - the name of a variable

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


def machine_environment(source: Mapping[str, str], passed: Iterable[str]) -> dict[str, str]:
    """The part of ``source`` that may be handed on.

    Args:
        source: The environment of the process that starts another.
        passed: More names to hand on; ``*`` stands for any letters.
    """
    patterns = (*_PASSED, *passed)
    return {
        name: value
        for name, value in source.items()
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    }


def user_code_environment(source: Mapping[str, str], passed: Iterable[str]) -> dict[str, str]:
    """The environment that code servers and run workers start from.

    As with the official process launcher it has ``DAGSTER_HOME`` and the agent's token, without
    which user code could not reach its own storage.
    """
    return machine_environment(source, (*passed, TOKEN_VARIABLE, "DAGSTER_HOME"))
