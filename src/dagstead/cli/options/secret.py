"""Options that say for whom a secret is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

if TYPE_CHECKING:
    from dagstead.plane.secrets import SecretTarget


class Scope(StrEnum):
    """Who gets a secret, in the words of the official command line."""

    FULL = "full"
    BRANCH = "branch"
    LOCAL = "local"


def kinds_seen(scopes: Iterable[Scope]) -> list[str]:
    """The kinds of secrets whose values a token may show."""
    kinds = {Scope.FULL: ["full"], Scope.BRANCH: ["branch", "branches"], Scope.LOCAL: ["local"]}
    return [kind for scope in scopes for kind in kinds[scope]]


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretTargetFlags:
    """Who gets the secret."""

    scope: Annotated[
        list[Scope] | None,
        typer.Option(
            "--scope",
            help="For code of full deployments, of branch deployments, or for people's own "
            "machines; may be repeated. By default full, or what --deployment is.",
        ),
    ] = None
    deployment: Annotated[
        str | None,
        typer.Option(
            "--deployment",
            help="Only for this full deployment and its branch deployments, or for this one branch "
            "deployment; by default, for all.",
        ),
    ] = None
    location: Annotated[
        list[str] | None,
        typer.Option("--location", help="Only for this code location; may be repeated."),
    ] = None

    def target(self) -> SecretTarget:
        """For whom the secret is."""
        from dagstead.plane.secrets import SecretKind, SecretTarget

        kinds = {
            Scope.FULL: SecretKind.FULL,
            Scope.BRANCH: SecretKind.BRANCHES,
            Scope.LOCAL: SecretKind.LOCAL,
        }
        return SecretTarget(
            kinds=frozenset(kinds[scope] for scope in self.scope or ()),
            deployment=self.deployment,
            locations=frozenset(self.location or ()),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ValueFlags:
    """Where the value comes from. Never from an argument: others see those in a process list."""

    from_file: Annotated[
        Path | None,
        typer.Option("--from-file", help="Read the value from this file, as it is."),
    ] = None
    from_env: Annotated[
        str | None,
        typer.Option("--from-env", metavar="VARIABLE", help="Take the value of this variable."),
    ] = None

    def value(self) -> str:
        """The value; without an option from standard input, or asked for at a terminal.

        Raises:
            InvalidInputError: when it cannot be read.
        """
        import sys

        from dagstead.errors import InvalidInputError

        if self.from_file is not None and self.from_env is not None:
            msg = "--from-file and --from-env name two values. Use one of them."
            raise InvalidInputError(msg)
        if self.from_file is not None:
            return _of_file(self.from_file)
        if self.from_env is not None:
            return _of_variable(self.from_env)
        if sys.stdin.isatty():
            asked: str = typer.prompt("Value", hide_input=True, err=True)
            return asked
        return _of_pipe(sys.stdin)


def _of_file(file: Path) -> str:
    from dagstead.errors import InvalidInputError

    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        msg = f"The value cannot be read from {str(file)!r}: {reason}."
        raise InvalidInputError(msg) from error


def _of_variable(name: str) -> str:
    import os

    from dagstead.errors import InvalidInputError

    if name not in os.environ:
        msg = f"There is no variable {name} here. Export it, or use --from-file."
        raise InvalidInputError(msg)
    return os.environ[name]


def _of_pipe(pipe: TextIO) -> str:
    """What a pipe sent; without the line end that `echo` adds."""
    from dagstead.errors import InvalidInputError

    try:
        text = pipe.read()
    except UnicodeDecodeError as error:
        msg = "The value on standard input is not UTF-8 text."
        raise InvalidInputError(msg) from error
    if not text:
        msg = "There is no value on standard input. Pipe it in, or use --from-file or --from-env."
        raise InvalidInputError(msg)
    return text.removesuffix("\n")
