"""Which workflow files build which locations, as far as their text tells."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from dagstead.project import Family, Project
from dagstead.project.changes import Edge, Files, Step, Tree
from dagstead.project.families import family_of

_FOLDER = ".github/workflows"
_GITLAB = ".gitlab-ci.yml"

#: Words of a file that builds some locations by name.
_CHOOSES = re.compile(r"location[_-]?names?\b", re.IGNORECASE)
_CALLED = re.compile(r"^\s*(?:-\s+)?(?:uses|local):\s*['\"]?(?:\./|/)([^\s'\"@]+)", re.MULTILINE)
_WORD = re.compile(r"[\w.-]+")


def workflow_edges(project: Project, files: Files) -> Mapping[str, Sequence[Edge]]:
    """The workflow files that build each location, and the files in the repository they call.

    A file that chooses locations by name builds those that it names; any other one that deploys may
    build each.
    """
    texts = {path: (files.read(path) or b"").decode("utf-8", "replace") for path in _paths(files)}
    names = [each.name.value for each in project.locations]
    found: dict[str, list[Edge]] = defaultdict(list)
    for path, text in texts.items():
        called = tuple(_CALLED.findall(text))
        if not _deploys(path, text) and not any(
            _deploys(each, texts[each]) for each in called if each in texts
        ):
            continue
        step = Step(file=path, what="(a workflow that builds it)")
        edges = [Edge(to=Tree(path=path), step=step)]
        for each in called:
            what = f"calls {each}"
            to = Tree(path=posixpath.normpath(each))
            edges.append(Edge(to=to, step=Step(file=path, what=what)))
        for name in _built(text, names):
            found[name] += edges
    return found


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
