"""A person's login, saved for the commands that follow: one address and its token."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dagstead.client.connection import TOKEN_VARIABLE, URL_VARIABLE, Connection, ServerAddress
from dagstead.errors import ConfigurationError, InvalidInputError
from dagstead.plane.tokens import TokenKind

_FILE = "login.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedLogin:
    """Where, and with what."""

    url: str
    token: str = field(repr=False)


def login_file(variables: Mapping[str, str]) -> Path:
    """Where a login is kept: in the user's folder for configuration.

    Raises:
        ConfigurationError: when the user has no home.
    """
    home = variables.get("XDG_CONFIG_HOME")
    try:
        # The specification ignores relative ones.
        folder = Path(home) if home and Path(home).is_absolute() else Path.home() / ".config"
    except RuntimeError as error:
        msg = "This user has no home folder to keep a login in. Set XDG_CONFIG_HOME to a folder."
        raise ConfigurationError(msg) from error
    return folder / "dagstead" / _FILE


def saved_login(variables: Mapping[str, str]) -> SavedLogin | None:
    """The login that was saved last.

    Raises:
        ConfigurationError: when its file cannot be read.
    """
    try:
        file = login_file(variables)
    except ConfigurationError:
        # In containers users without a home are usual; they have saved nothing.
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return SavedLogin(url=str(found["url"]), token=str(found["token"]))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        # The last is a home that belongs to somebody else.
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = f"The saved login in {file} cannot be read. Remove it with `dagstead logout`."
        raise ConfigurationError(msg) from error


def check_login(login: SavedLogin) -> None:
    """Refuse a token that does not open the address, or that is for agents.

    Raises:
        DagsteadError: as :meth:`Connection.graphql`.
        InvalidInputError: for an agent token.
    """
    if login.token.startswith(f"{TokenKind.AGENT}:"):
        msg = "This is an agent token; people log in with a user token of `dagstead token create`."
        raise InvalidInputError(msg)
    with Connection(ServerAddress(url=login.url, token=login.token)) as connection:
        connection.graphql("{ version }")


def save_login(variables: Mapping[str, str], login: SavedLogin) -> Path:
    """Keep a login in place of the one before, for this user's eyes only.

    Raises:
        ConfigurationError: when it cannot be written.
    """
    file = login_file(variables)
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A file of this kind is made for its owner only.
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{_FILE}.")
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            json.dump({"url": login.url, "token": login.token}, opened)
        Path(name).replace(file)
    except OSError as error:
        msg = f"The login cannot be saved in {file}: {error.strerror}."
        raise ConfigurationError(msg) from error
    return file


def forget_login(variables: Mapping[str, str]) -> bool:
    """Remove the saved login; whether there was one.

    Raises:
        ConfigurationError: when it cannot be removed.
    """
    file = login_file(variables)
    try:
        file.unlink()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        msg = f"{file} cannot be removed: {error.strerror}."
        raise ConfigurationError(msg) from error
    return True


def target_of(
    variables: Mapping[str, str], url: str | None, deployment: str | None = None
) -> ServerAddress:
    """The control plane that a flag, a variable or the saved login names, and a token for it.

    A token is no flag: others would see it in the list of processes.

    Raises:
        ConfigurationError: when the address or the token is given nowhere.
    """
    address = url or variables.get(URL_VARIABLE) or None
    token = None
    if not address or not variables.get(TOKEN_VARIABLE):
        login = saved_login(variables)
        address = address or (login.url if login else None)
        # The saved token is for the address that it was saved with, and for no other.
        if login and address and address.rstrip("/") == login.url:
            token = variables.get(TOKEN_VARIABLE) or login.token
    return ServerAddress.of(variables, url=address, token=token, deployment=deployment)
