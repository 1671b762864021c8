"""Which workflow files build which locations, as far as their text tells."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from dagstead.model.families import Family
from dagstead.model.nodes import Node
from dagstead.model.source import SourceText
from dagstead.repository.changes import Additions, Edge, Files, Step, Tree
from dagstead.repository.files import Project
from dagstead.repository.files.families import family_of
from dagstead.repository.files.yaml_reader import read_yaml

_FOLDER = ".github/workflows"
_GITLAB = ".gitlab-ci.yml"

#: Words of a file that builds some locations by name.
_CHOOSES = re.compile(r"location[_-]?names?\b", re.IGNORECASE)
_CALLED = re.compile(r"^\s*(?:-\s+)?(?:uses|local):\s*['\"]?(?:\./|/)([^\s'\"@]+)", re.MULTILINE)
_BUILDS = re.compile(r"\bdocker/build-push-action\b")
_COMMAND = re.compile(r"\bdocker\s+(?:buildx\s+|image\s+)?build\s+([^|&;>\n]*)")
_WORD = re.compile(r"[\w.-]+")


def known_from_workflows(project: Project, files: Files) -> Additions:
    """The workflow files that build each location, what they call, and their build contexts.

    A file that chooses locations by name builds those that it names; any other one that deploys may
    build each.
    """
    texts = {path: (files.read(path) or b"").decode("utf-8", "replace") for path in _paths(files)}
    names = [each.name.value for each in project.locations]
    found: dict[str, list[Edge]] = defaultdict(list)
    contexts: dict[str, list[str]] = defaultdict(list)
    for path, text in texts.items():
        called = tuple(_CALLED.findall(text))
        if not _deploys(path, text) and not any(
            _deploys(each, texts[each]) for each in called if each in texts
        ):
            continue
        for name in _built(text, names):
            found[name] += _edges(path, called)
        for dockerfile, context in build_contexts(path, text):
            contexts[dockerfile].append(context)
    return Additions(edges=found, contexts=contexts)


def build_contexts(path: str, text: str) -> Iterator[tuple[str, str]]:
    """Dockerfiles and the folders that a workflow gives docker with them, where both are written.

    Without a context docker's action takes the whole repository.
    """
    root = read_yaml(SourceText(file=path, text=text)).root if "docker" in text else None
    for node in () if root is None else root.walk():
        found = (*_given(node), *_commanded(node.text or ""))
        for dockerfile, context in found:
            if dockerfile and context and "$" not in dockerfile + context:
                yield posixpath.normpath(dockerfile), posixpath.normpath(context)


def _given(step: Node) -> Iterator[tuple[str, str]]:
    """What a step gives docker's action."""
    uses, given = step.get("uses"), step.get("with")
    if given is not None and uses is not None and _BUILDS.search(uses.text or ""):
        context = "." if given.get("context") is None else _text(given.get("context"))
        file = given.get("file")
        yield f"{context}/Dockerfile" if file is None else _text(file), context


def _commanded(text: str) -> Iterator[tuple[str, str]]:
    """The same of ``docker build --file X CONTEXT``, when run at the top of the repository."""
    for found in _COMMAND.finditer(text.replace("\\\n", " ")):
        try:
            words = shlex.split(found[1], comments=True)
        except ValueError:
            continue
        files = [after for word, after in pairwise(words) if word in {"-f", "--file"}]
        files += [word.partition("=")[2] for word in words if word.startswith("--file=")]
        context = words[-1] if words else ""
        if files and context not in files:
            yield files[0], context


def _text(node: Node | None) -> str:
    return "" if node is None else node.text or ""


def _edges(path: str, called: Sequence[str]) -> Iterator[Edge]:
    yield Edge(to=Tree(path=path), step=Step(file=path, what="(a workflow that builds it)"))
    for each in called:
        to = Tree(path=posixpath.normpath(each))
        yield Edge(to=to, step=Step(file=path, what=f"calls {each}"))


def _paths(files: Files) -> Iterator[str]:
    for name in files.names(_FOLDER):
        if name.endswith((".yml", ".yaml")):
            yield f"{_FOLDER}/{name}"
    if files.is_file(_GITLAB):
        yield _GITLAB


def _deploys(path: str, text: str) -> bool:
    return family_of(path, text) is Family.WORKFLOW


def _built(text: str, names: Sequence[str]) -> Sequence[str]:
    if not _CHOOSES.search(text):
        return names
    words = set(_WORD.findall(text))
    named = [
        each for each in names if each in words or (not _WORD.fullmatch(each) and each in text)
    ]
    return named or names
