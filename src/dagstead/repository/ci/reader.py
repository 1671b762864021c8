"""From a repository to its workflows. Only what CI itself would take: not templates in folders."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from dagstead.model.nodes import Node
from dagstead.model.source import SourceText
from dagstead.repository.ci.gitlab_includes import with_includes
from dagstead.repository.ci.gitlab_reader import gitlab_jobs
from dagstead.repository.ci.model import Job, LocalAction, Step, Workflow, WorkflowFiles
from dagstead.repository.ci.provider import FILE, FOLDER, Provider
from dagstead.repository.ci.triggers import triggers_node, triggers_of
from dagstead.repository.files import Project
from dagstead.repository.files.project import project_prefix
from dagstead.repository.files.yaml_reader import ParseResult, Problem, read_yaml

_ACTIONS = ".github/actions"
_ACTION_FILES = frozenset({"action.yml", "action.yaml"})
_YAML = (".yml", ".yaml")
_MOST_FOLDERS = 6
_MOST_BYTES = 4_000_000


class SourceFiles(Protocol):
    """The files of a repository. Paths are relative to its top, with ``/``."""

    def read(self, path: str) -> bytes | None:
        """A file's content, ``None`` where there is no file."""

    def names(self, folder: str) -> Iterable[str]:
        """The names in a folder; none where there is no folder."""


@dataclass(frozen=True, slots=True)
class FilesBelow:
    """The files below a folder."""

    root: Path

    def read(self, path: str) -> bytes | None:
        """A file's content, ``None`` where there is no file."""
        try:
            with (self.root / path).open("rb") as stream:
                return stream.read(_MOST_BYTES)
        except OSError:
            return None

    def names(self, folder: str) -> Iterable[str]:
        """The names in a folder; none where there is no folder."""
        try:
            return sorted(each.name for each in (self.root / folder).iterdir())
        except OSError:
            return ()


def read_workflows(project: Project, files: SourceFiles) -> WorkflowFiles:
    """The CI files of the repository of a project. Never raises for what is in a file.

    Places are relative to the root of the project, as those of its other files are.
    """
    prefix = project_prefix(project)
    workflows = [
        _workflow(source, path)
        for path in _workflow_paths(files)
        if (source := _source(files, path, prefix)) is not None
        and not project.excluded.has(source.file)
    ]
    pipeline = _source(files, FILE, prefix)
    if pipeline is not None:
        workflows.append(_pipeline(pipeline, files, prefix))
    actions: dict[str, LocalAction] = {}
    for path in _action_paths(files, _ACTIONS):
        source = _source(files, path, prefix)
        if source is not None:
            actions[posixpath.dirname(path)] = _local_action(source, path)
    return WorkflowFiles(workflows=tuple(workflows), actions=actions)


def _workflow_paths(files: SourceFiles) -> Iterator[str]:
    return (f"{FOLDER}/{name}" for name in files.names(FOLDER) if name.endswith(_YAML))


def _action_paths(files: SourceFiles, folder: str, depth: int = 0) -> Iterator[str]:
    # Links may lead in a circle.
    for name in files.names(folder) if depth < _MOST_FOLDERS else ():
        path = f"{folder}/{name}"
        if name in _ACTION_FILES:
            yield path
        else:
            yield from _action_paths(files, path, depth + 1)


def _source(files: SourceFiles, path: str, prefix: str) -> SourceText | None:
    data = files.read(path)
    if data is None:
        return None
    file = path if prefix == "." else posixpath.relpath(path, prefix)
    try:
        return SourceText.decode(file, data)
    except UnicodeDecodeError:
        return SourceText(file=file, text=data.decode("utf-8", errors="replace"))


def _pipeline(source: SourceText, files: SourceFiles, prefix: str) -> Workflow:
    parsed = read_yaml(source)
    empty = Workflow(path=FILE, provider=Provider.GITLAB, source=source, problem=_problem(parsed))
    if parsed.root is None or not parsed.root.is_mapping:
        return empty

    def read_root(path: str) -> Node | None:
        found = _source(files, path, prefix)
        return None if found is None else read_yaml(found).root

    root = with_includes(parsed.root, read_root, files.names)
    return replace(empty, root=root, jobs=gitlab_jobs(root), env=root.get("variables"))


def _workflow(source: SourceText, path: str) -> Workflow:
    parsed = read_yaml(source)
    root = parsed.root
    empty = Workflow(path=path, provider=Provider.GITHUB, source=source, problem=_problem(parsed))
    if root is None or not root.is_mapping:
        return empty
    called = _call_inputs(root)
    return replace(
        empty,
        root=root,
        name=_text(root.get("name")),
        triggers=triggers_of(root),
        jobs=tuple(_jobs(root)),
        env=root.get("env"),
        directory=root.get("defaults", "run", "working-directory"),
        inputs=called,
    )


def _problem(parsed: ParseResult) -> Problem | None:
    root = parsed.root
    if parsed.syntax is not None:
        return parsed.syntax
    if root is not None and not root.is_mapping:
        return Problem(message="it is not a mapping", start=root.start, end=root.end)
    return None


def _call_inputs(root: Node) -> Mapping[str, Node | None]:
    triggers = triggers_node(root)
    if triggers is None:
        return {}
    every: dict[str, Node | None] = {}
    for name in ("workflow_dispatch", "workflow_call"):
        inputs = triggers.get(name, "inputs")
        every |= _inputs(inputs)
    return every


def _inputs(node: Node | None) -> dict[str, Node | None]:
    entries = () if node is None else node.entries
    return {each.key.text: each.value.get("default") for each in entries if each.key.text}


def _jobs(root: Node) -> Iterator[Job]:
    jobs = root.get("jobs")
    for entry in () if jobs is None else jobs.entries:
        node = entry.value
        yield Job(
            name=str(entry.key.value),
            node=node if node.is_mapping else entry.key,
            steps=steps_of(node.get("steps")),
            uses=node.get("uses"),
            inputs=node.get("with"),
            needs=_names(node.get("needs")),
            condition=node.get("if"),
            env=node.get("env"),
            matrix=node.get("strategy", "matrix"),
            outputs=node.get("outputs"),
            directory=node.get("defaults", "run", "working-directory"),
        )


def steps_of(node: Node | None) -> tuple[Step, ...]:
    """The steps of a job or of a composite action."""
    items = () if node is None else node.items
    return tuple(
        Step(
            node=each,
            id=_text(each.get("id")),
            uses=each.get("uses"),
            run=each.get("run"),
            condition=each.get("if"),
            env=each.get("env"),
            inputs=each.get("with"),
            directory=each.get("working-directory"),
        )
        for each in items
        if each.is_mapping
    )


def _local_action(source: SourceText, path: str) -> LocalAction:
    root = read_yaml(source).root
    steps = None if root is None else root.get("runs", "steps")
    inputs = None if root is None else root.get("inputs")
    return LocalAction(
        folder=posixpath.dirname(path), steps=steps_of(steps), inputs=_inputs(inputs)
    )


def _names(node: Node | None) -> tuple[str, ...]:
    if node is None:
        return ()
    return tuple(each.text for each in (node.items or (node,)) if each.text)


def _text(node: Node | None) -> str:
    return "" if node is None or node.value is None else str(node.text or "")
