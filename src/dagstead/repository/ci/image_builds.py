"""Images that steps build with Docker: from which Dockerfile, and with which folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dagstead.repository.ci.commands import Words
from dagstead.repository.ci.model import Step
from dagstead.repository.ci.references import Reference
from dagstead.repository.ci.scopes import Scope

_ACTION = "docker/build-push-action"
_COMMANDS = (("build",), ("image", "build"), ("buildx", "build"), ("buildx", "b"))
_FILE = ("-f", "--file")
_CHOICES = ("--target", "--build-arg")
#: Options of ``docker build`` that take no value.
_ALONE = frozenset(
    {"--check", "--load", "--no-cache", "--pull", "--push", "--quiet", "-q", "--rm", "--squash"}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageBuild:
    """Paths as the step names them; ``None`` is not known."""

    dockerfile: str | None
    context: str | None
    #: The stage and the arguments, as far as they are known: what else makes another image of it.
    choices: tuple[str, ...] = ()


def built_by_action(found: Reference, step: Step, scope: Scope) -> ImageBuild | None:
    """What Docker's action builds; without a context it takes the whole repository."""
    if found.name != _ACTION:
        return None
    context, file = step.input("context"), step.input("file")
    folder = "." if context is None or not context.value else scope.text(context)
    stage = scope.text(step.input("target"))
    arguments = (scope.text(step.input("build-args")) or "").splitlines()
    return ImageBuild(
        dockerfile=scope.text(file) if file is not None and file.value else _inside(folder),
        context=folder,
        choices=_choices(["--target", stage], *(["--build-arg", each] for each in arguments)),
    )


def built_by_command(words: Words) -> ImageBuild | None:
    """What a call of Docker builds."""
    if words[0] not in {"docker", "podman"}:
        return None
    behind = next((words[1 + len(each) :] for each in _COMMANDS if _begins(words[1:], each)), None)
    if not behind:
        return None
    files: list[str | None] = []
    chosen: list[list[str | None]] = []
    folders: list[str | None] = []
    waiting = iter(behind)
    for word in waiting:
        name, equals, value = (word or "").partition("=")
        if not (word or "").startswith("-"):
            folders.append(word)
        elif name not in _ALONE:
            given = value if equals else next(waiting, None)
            files += [given] if name in _FILE else []
            chosen += [[name, given]] if name in _CHOICES else []
    context = folders[-1] if folders else None
    return ImageBuild(
        dockerfile=files[-1] if files else _inside(context),
        context=context,
        choices=_choices(*chosen),
    )


def _choices(*options: Sequence[str | None]) -> tuple[str, ...]:
    return tuple(f"{name} {value.strip()}" for name, value in options if value and value.strip())


def _begins(words: Words, command: tuple[str, ...]) -> bool:
    return tuple(words[: len(command)]) == command


def _inside(folder: str | None) -> str | None:
    return None if folder is None else f"{folder}/Dockerfile"
