"""Names that users choose, and the form that they must have.

Deployment names become URL paths, folder names and Postgres schema names. That is why they have a
narrow alphabet, which is checked here and nowhere else.
"""

from __future__ import annotations

import re

from dagstead.errors import InvalidInputError
from dagstead.model.text import control_in

#: The server itself answers URL paths that begin with these words, so that a deployment of such a
#: name could not be reached.
RESERVED_DEPLOYMENT_NAMES = frozenset(
    {
        "graphql",
        "agent",
        "blobs",
        "health",
        "oidc",
        "sign-in",
        "sign-out",
        "check_snapshot",
        "confirm_upload",
        "code_location_update_result",
        "upload_workspace_entry",
        "upload_job_snapshot",
        "upload_api_response",
        "store_events",
        "gen_logs_url",
        "gen_insights_url",
        "gen_io_storage_url",
        "gen_artifact_get",
        "gen_artifact_post",
        "remove_idp_metadata",
        "upload_idp_metadata",
        "upload_logs",
        "static",
        "locations",
        "metrics",
        "api",
        "v2",
    }
)

#: What the columns of the database hold: ids, keys of writes, and names.
ID_MAX = 64
KEY_MAX = 128
NAME_MAX = 255

_DEPLOYMENT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,47}")


def check_deployment_name(name: str) -> str:
    """Return ``name`` if it may name a deployment.

    Raises:
        InvalidInputError: for a name of another form, and for a reserved one.
    """
    if not _DEPLOYMENT_NAME.fullmatch(name):
        msg = (
            f"{name!r} cannot name a deployment. Use lower-case letters, digits, '-' and '_', "
            "starting with a letter or digit, at most 48 characters."
        )
        raise InvalidInputError(msg)
    if name in RESERVED_DEPLOYMENT_NAMES:
        msg = f"{name!r} is an address of the server itself. Choose another deployment name."
        raise InvalidInputError(msg)
    return name


def check_readable(what: str, text: str | None) -> None:
    """Refuse a name that would change what people read around it, in a list or a terminal.

    Args:
        what: it names, as the subject of a sentence.
        text: of the name; ``None`` is none.

    Raises:
        InvalidInputError: when it has a control character, or one that turns the direction round.
    """
    found = control_in(text or "")
    if found is not None:
        msg = (
            f"{what} {text!r:.60} has the control character U+{ord(found):04X}, which would change "
            "what people read. Leave it out."
        )
        raise InvalidInputError(msg)


def check_short(what: str, text: str, most: int) -> None:
    """Refuse a text that is longer than its column; SQLite would take it, Postgres fail.

    Args:
        what: it is, as the subject of a sentence.
        text: of a caller.
        most: of characters.

    Raises:
        InvalidInputError: with the beginning of the text.
    """
    if len(text) > most:
        msg = f"{what} {text[:40]!r}… has {len(text)} characters; at most {most} are allowed."
        raise InvalidInputError(msg)


def check_location_name(name: object) -> str:
    """Return ``name`` if it may name a code location.

    Raises:
        InvalidInputError: when it is not text, is empty or too long, or has control characters.
    """
    if not isinstance(name, str) or not name.strip():
        msg = f"location_name is {name!r}. Give the location a name: letters, digits, '-', '_'."
        raise InvalidInputError(msg)
    if len(name) > NAME_MAX or control_in(name):
        msg = (
            f"location_name {name[:40]!r}… is too long or has control characters. "
            f"Use at most {NAME_MAX} printable characters."
        )
        raise InvalidInputError(msg)
    return name


def check_queue_name(queue: object) -> str | None:
    """Return the agent queue that a location names, ``None`` for the default queue.

    Raises:
        InvalidInputError: for a value that no agent can ever serve: not text, or empty; and for
            control characters.
    """
    if queue is None:
        return None
    if not isinstance(queue, str) or not queue.strip():
        msg = (
            f"agent_queue is {queue!r}, which no agent serves. Leave agent_queue out for the "
            "default queue, or name the queue of your hybrid agent."
        )
        raise InvalidInputError(msg)
    check_readable("agent_queue", queue)
    check_short("agent_queue", queue, NAME_MAX)
    return queue
