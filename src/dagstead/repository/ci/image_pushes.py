"""Images as objects: what is built from where, under which references, and what is pushed.

A reference is symbolic: what CI fills in stays as ``${NAME}``, so that two references are the same
when they are written alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from dagstead.model.source import Position
from dagstead.repository.ci.expressions import EXPRESSION, unfilled
from dagstead.repository.ci.image_builds import ImageBuild, built_by_action, built_by_command
from dagstead.repository.ci.model import Step
from dagstead.repository.ci.references import Reference
from dagstead.repository.ci.scopes import Scope
from dagstead.repository.ci.shell import Call

_PROGRAMS = frozenset({"docker", "podman", "nerdctl", "buildah"})
_KANIKO = re.compile(r"(?:.*/)?kaniko/executor")
_PUSHES = re.compile(r"push=true|type=registry")
_TAG_OPTIONS = ("-t", "--tag", "--destination", "-d")


@dataclass(frozen=True, kw_only=True, slots=True)
class PushedImage:
    """An image that a step pushes."""

    #: Name and tag, symbolic.
    reference: str
    #: What it is built from; ``None`` where nobody can see that from here.
    built: ImageBuild | None
    position: Position
    #: Whether the step always runs when its job does.
    certain: bool = True
    #: The text of the step's condition.
    condition: str = ""

    @property
    def name(self) -> str:
        """The reference without its tag."""
        return _split(self.reference)[0]


#: Makes paths as a step names them relative to the root of the repository.
Place = Callable[[ImageBuild], ImageBuild]
#: A reference, and what it is built from.
_Pushed = tuple[str, ImageBuild | None]


@dataclass(slots=True)
class ImageShelf:
    """The images of one job, from the step that builds them to the one that pushes them."""

    _built: dict[str, ImageBuild] = field(default_factory=dict)

    def call(self, call: Call, place: Place) -> Iterator[_Pushed]:
        """What a command pushes: references, and what these are built from."""
        words = call.written
        if words[0] in _PROGRAMS or _KANIKO.fullmatch(words[0]):
            yield from self._docker(call, words, place)

    def action(self, found: Reference, step: Step, scope: Scope, place: Place) -> Iterator[_Pushed]:
        """The same of a step that calls Docker's action."""
        built = built_by_action(found, step, scope)
        tags = step.input("tags")
        if built is None or tags is None:
            return
        built = place(built)
        texts = [each for each in re.split(r"[\n,]", tags.text or "") if each.strip()]
        references = [normal(symbolic(each, scope)) for each in texts]
        self._built.update(dict.fromkeys(references, built))
        outputs = step.input("outputs")
        if scope.text(step.input("push")) == "true" or (
            outputs is not None and _PUSHES.search(outputs.text or "")
        ):
            yield from ((each, built) for each in references)

    def _docker(self, call: Call, words: Sequence[str], place: Place) -> Iterator[_Pushed]:
        command, arguments = _command(words)
        if command == "push":
            references = [normal(each) for each in arguments[:1]]
            yield from ((each, self._built.get(each)) for each in references)
        elif command == "tag" and len(arguments) > 1:
            source = self._built.get(normal(arguments[0]))
            if source is not None:
                self._built.update(dict.fromkeys(map(normal, arguments[1:]), source))
        elif command == "build":
            built = _kaniko(words) if _KANIKO.fullmatch(words[0]) else built_by_command(call.words)
            references = [normal(each) for each in _values(words, _TAG_OPTIONS)]
            if built is not None:
                built = place(built)
                self._built.update(dict.fromkeys(references, built))
                if _pushes(words):
                    yield from ((each, built) for each in references)


def symbolic(text: str, scope: Scope) -> str:
    """A text with its expressions filled in as far as they are known."""

    def filled(found: re.Match[str]) -> str:
        known = scope.fill(found[0])
        return unfilled(found[0]) if known is None else known

    return EXPRESSION.sub(filled, text.strip())


def normal(reference: str) -> str:
    """A reference with its tag, and without the registry that Docker adds itself."""
    name, tag = _split(reference.strip())
    return f"{name.lower().removeprefix('docker.io/').removeprefix('index.docker.io/')}:{tag}"


def _split(reference: str) -> tuple[str, str]:
    hidden = re.sub(r"\$\{\{.*?\}\}\}?|\$\{[^}]*\}", lambda found: "x" * len(found[0]), reference)
    at = hidden.rfind(":")
    if at < 0 or "/" in hidden[at:]:
        return reference, "latest"
    return reference[:at], reference[at + 1 :]


def _command(words: Sequence[str]) -> tuple[str, list[str]]:
    if _KANIKO.fullmatch(words[0]):
        return "build", []
    plain = [each for each in words[1:] if not each.startswith("-")]
    while plain and plain[0] in {"image", "buildx", "builder"}:
        plain = plain[1:]
    command = plain[0] if plain else ""
    return {"b": "build", "bud": "build"}.get(command, command), plain[1:]


def _values(words: Sequence[str], options: Sequence[str]) -> Iterator[str]:
    for index, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in options:
            if equals:
                yield value
            elif index + 1 < len(words):
                yield words[index + 1]


def _pushes(words: Sequence[str]) -> bool:
    if _KANIKO.fullmatch(words[0]):
        return "--no-push" not in words
    outputs = " ".join(_values(words, ("--output", "-o")))
    return "--push" in words or _PUSHES.search(outputs) is not None


def _kaniko(words: Sequence[str]) -> ImageBuild:
    context = next(_values(words, ("--context", "-c")), ".").removeprefix("dir://")
    dockerfile = next(_values(words, ("--dockerfile", "-f")), f"{context}/Dockerfile")
    known = [None if "$" in each else each for each in (dockerfile, context)]
    return ImageBuild(dockerfile=known[0], context=known[1])
