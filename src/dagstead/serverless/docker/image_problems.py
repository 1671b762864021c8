"""What is wrong with an image in which a code server does not start, and what to do about it."""

from __future__ import annotations

from typing import Any

from dagster_cloud.workspace.docker.utils import docker_client_from_env

from dagstead.serverless.docker.daemon import DOCKER_ERRORS

#: What Docker says when the image has no such program.
_NO_PROGRAM = ("executable file not found", "no such file or directory")
_OTHER_MACHINE = "exec format error"
_NO_PACKAGES = ("No module named 'dagster'", "No module named 'dagster_cloud'")


def problem_of(image: str, said: str) -> str | None:
    """A sentence on the likely problem of an image; ``None`` when it is none of those known.

    Args:
        image: its name.
        said: Docker's error, or what the container printed last.
    """
    try:
        client = docker_client_from_env().api
        found, daemon = client.inspect_image(image), client.version()
    except DOCKER_ERRORS:
        return None
    return problem_in(image, found, daemon, said)


def problem_in(image: str, found: dict[str, Any], daemon: dict[str, Any], said: str) -> str | None:
    """The same, from what Docker knows of the image and of itself."""
    known = (_of_another_machine(found, daemon, said), _without_dagster(said), _entry_point(found))
    sentence = next((each for each in known if each), None)
    return f"Image {image} {sentence}" if sentence else None


def _of_another_machine(found: dict[str, Any], daemon: dict[str, Any], said: str) -> str | None:
    own = f"{found['Os']}/{found['Architecture']}"
    here = f"{daemon['Os']}/{daemon['Arch']}"
    if own != here:
        reason = f"is made for {own}, and Docker on the pool's machine runs {here}."
    elif _OTHER_MACHINE in said:
        reason = f"has programs that a machine of {here} cannot run."
    else:
        return None
    return f"{reason} Build it with `--platform {here}`, and deploy again."


def _without_dagster(said: str) -> str | None:
    if not any(each in said for each in (*_NO_PACKAGES, *_NO_PROGRAM)):
        return None
    return (
        "has no Dagster, or not in its PATH. Install dagster and dagster-cloud in it, build it "
        "again, and deploy again."
    )


def _entry_point(found: dict[str, Any]) -> str | None:
    own = found["Config"].get("Entrypoint")
    if not own:
        return None
    return (
        f"has an entry point of its own, {own}, which gets the command of the code server as its "
        'arguments. Unless it ends with `exec "$@"`, no code server starts: correct it or take it '
        "out, and deploy again."
    )
