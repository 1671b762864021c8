"""What CI and scripts name: the files and folders that they give to the tools that deploy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedFiles:
    """Paths relative to the root of the project; ``.`` is the root itself."""

    #: The ``dagster_cloud.yaml`` files that the official command line or action is given.
    cloud: frozenset[str] = frozenset()
    #: The folders that ``dg plus deploy`` is given.
    dg: frozenset[str] = frozenset()
    #: The folders that ``dagstead`` is given, below the root.
    folders: frozenset[str] = frozenset()
    #: Files that a script mentions; what it does with them is not known.
    mentioned: frozenset[str] = frozenset()
    #: Whether there is a command whose file is not known, or the root is deployed as it is.
    is_open: bool = False


#: Nothing is known of CI.
NOTHING_NAMED = NamedFiles(is_open=True)
