"""Which files CI and scripts give to the tools that deploy."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from dagstead.model.nodes import Node, NodeKind
from dagstead.repository.ci.acts import Act, ActKind, Tool
from dagstead.repository.ci.job_runs import JobRun, follow
from dagstead.repository.ci.model import Workflow, WorkflowFiles
from dagstead.repository.ci.reader import SourceFiles, read_workflows
from dagstead.repository.ci.script_files import GivenPath, ScriptFile, script_files
from dagstead.repository.files import Project
from dagstead.repository.files.named import NamedFiles
from dagstead.repository.files.project import project_prefix

#: Acts that are given the file, or the folder, of what they deploy.
_GIVEN = frozenset({ActKind.BEGIN, ActKind.BUILD_AND_DEPLOY, ActKind.READ, ActKind.RENDER})
#: A path that a text has; what stands for the folder of the checkout is no part of it.
_MENTION = re.compile(
    r"(?<![\w./-])(?:\$\{\{[^}]*\}\}/|\$\{?\w+\}?/|\./)*"
    r"(?P<path>(?:[\w.@+-]+/)*dagster[_-]cloud[\w.-]*\.ya?ml)(?![\w/-])"
)
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)


def named_files(project: Project, source: SourceFiles) -> NamedFiles:
    """Follow the workflows of the repository of a project, and look into its scripts.

    Args:
        project: what is known of the repository.
        source: its files, by their paths from its top.
    """
    files = read_workflows(project, source)
    found = _NameCollector(prefix=project_prefix(project))
    for act in _acts(files):
        found.add_act(act)
    scripts = tuple(script_files(project))
    run = _WorkflowTexts(files)
    for script in scripts:
        for given in script.given():
            found.add_given(given, runs=run.has(script))
    for text in (*run.texts, *(each.text for each in scripts)):
        found.add_mentions(text)
    return found.named()


@dataclass(kw_only=True)
class _NameCollector:
    #: The folder of the project, relative to the top of the repository.
    prefix: str
    cloud: set[str] = field(default_factory=set)
    dg: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    mentioned: set[str] = field(default_factory=set)
    is_open: bool = False

    def add_act(self, act: Act) -> None:
        if act.does is ActKind.CHECK and act.file is not None:
            self.mentioned |= self._inside(act.file)
        elif act.does in _GIVEN and act.tool is not Tool.OTHER:
            tool = Tool.DG if act.by == "dg-deploy-init" else act.tool
            self._add(tool, act.file)

    def add_given(self, given: GivenPath, *, runs: bool) -> None:
        """What a command of a script is given; of one that CI does not run it is a mention."""
        path = given.path
        if path is not None and self.prefix != ".":
            path = posixpath.normpath(posixpath.join(self.prefix, path))
        if runs or given.tool is not Tool.CLI:
            self._add(given.tool, path)
        elif path is not None:
            self.mentioned |= self._inside(path)

    def add_mentions(self, text: str) -> None:
        for each in _MENTION.finditer(_COMMENT.sub("", text)):
            path = posixpath.normpath(each["path"])
            # A bare name is in some folder, which nobody knows from here.
            if "/" in path:
                self.mentioned |= self._inside(path)

    def named(self) -> NamedFiles:
        return NamedFiles(
            cloud=frozenset(self.cloud),
            dg=frozenset(self.dg),
            folders=frozenset(self.folders),
            mentioned=frozenset(self.mentioned - self.cloud),
            is_open=self.is_open,
        )

    def _add(self, tool: Tool, path: str | None) -> None:
        inside = set() if path is None else self._inside(path)
        if tool is Tool.DG:
            self.dg |= {"."} if path is None else inside
        elif path is None or (tool is Tool.DAGSTEAD and inside == {"."}):
            self.is_open = True
        elif tool is Tool.DAGSTEAD:
            self.folders |= inside
        else:
            self.cloud |= inside

    def _inside(self, path: str) -> set[str]:
        """The path relative to the project; none for one that is outside."""
        if self.prefix == ".":
            return {path}
        if path == self.prefix:
            return {"."}
        inside = path.startswith(f"{self.prefix}/")
        return {path[len(self.prefix) + 1 :]} if inside else set()


def _acts(files: WorkflowFiles) -> Iterator[Act]:
    """What workflows do; those that are only called do what their callers say."""
    called: set[str] = set()
    for only_called in (False, True):
        for each in files.workflows:
            if each.is_only_called is only_called and each.path not in called:
                runs = follow(each, files)
                called |= {run.workflow.path for run in runs}
                yield from _of_runs(runs)


def _of_runs(runs: Iterable[JobRun]) -> Iterator[Act]:
    return (act for run in runs for act in run.acts)


class _WorkflowTexts:
    """What workflows say, without what starts them."""

    def __init__(self, files: WorkflowFiles) -> None:
        found = [text for each in files.workflows for text in _texts(each)]
        steps = (step for action in files.actions.values() for step in action.steps)
        found += [step.run.text for step in steps if step.run is not None and step.run.text]
        self.texts = tuple(found)

    def has(self, script: ScriptFile) -> bool:
        """Whether a text names a script, or the program that runs it."""
        return any(script.called.search(each) for each in self.texts)


def _texts(workflow: Workflow) -> Iterator[str]:
    for entry in () if workflow.root is None else workflow.root.entries:
        # YAML 1.1 reads `on` as a boolean.
        if entry.key.value not in {"on", True}:
            yield from _scalars(entry.value)


def _scalars(node: Node) -> Iterator[str]:
    return (each.text for each in node.walk() if each.kind is NodeKind.SCALAR and each.text)
