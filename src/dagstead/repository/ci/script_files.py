"""Scripts of a repository that deploy: shell scripts, Makefiles, files of other CI systems."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from dagstead.model.families import Family
from dagstead.repository.ci.acts import ActKind, Tool
from dagstead.repository.ci.commands import command_of
from dagstead.repository.ci.other_pipelines import inner_scripts
from dagstead.repository.ci.scripts import program_words
from dagstead.repository.ci.shell import calls_of
from dagstead.repository.ci.shell_folders import NOWHERE, ShellFolder
from dagstead.repository.ci.steps import file_option
from dagstead.repository.files import ConfigFile, Project

#: Files that describe machines and images: what they name is not what is deployed.
_NO_SCRIPTS = re.compile(r"Dockerfile.*|(?:docker-)?compose.*\.ya?ml|.*\.tf|.*\.json")
_SHELL = re.compile(r".*\.(?:sh|bash)|[Mm]akefile|[Jj]ustfile")
#: What starts a file that has one name in every repository.
_RUNNERS = {"makefile": r"\bmake\b", "justfile": r"\bjust\b"}
_DG = re.compile(r"\bdg\s+plus\s+deploy\b")
_GIVEN = frozenset({ActKind.BEGIN, ActKind.BUILD_AND_DEPLOY, ActKind.RENDER})


@dataclass(frozen=True, kw_only=True, slots=True)
class GivenPath:
    """A file or folder that a command is given, relative to the root of the project."""

    tool: Tool
    #: ``None`` is not known.
    path: str | None


@dataclass(frozen=True, kw_only=True)
class ScriptFile:
    """A script, or a file of another CI system that has some."""

    file: ConfigFile
    #: The paths of all files that were read.
    known: frozenset[str]

    @property
    def text(self) -> str:
        """What it says."""
        return self.file.source.text

    @cached_property
    def called(self) -> re.Pattern[str]:
        """What a text has that runs it."""
        name = posixpath.basename(self.file.path)
        return re.compile(_RUNNERS.get(name.lower(), rf"(?<![\w.-]){re.escape(name)}(?![\w.-])"))

    def given(self) -> Iterator[GivenPath]:
        """What its commands are given."""
        name = posixpath.basename(self.file.path)
        if not _SHELL.fullmatch(name):
            found = [
                given
                for each in inner_scripts(self.file.source)
                for given in self._commands(each.text, each.folder)
            ]
            yield from found
            if _DG.search(self.text) and not any(each.tool is Tool.DG for each in found):
                yield GivenPath(tool=Tool.DG, path=".")
            return
        is_shell = name.lower() not in _RUNNERS
        for text in [self.text] if is_shell else self._recipes():
            yield from self._commands(text)

    def _recipes(self) -> list[str]:
        """The lines of a Makefile, of which each has a shell of its own."""
        return re.sub(r"\\\r?\n", " ", self.text).splitlines()

    def _commands(self, text: str, folder: str | None = "") -> Iterator[GivenPath]:
        shell = ShellFolder(folder=NOWHERE if folder is None else folder)
        for call in calls_of(text, {}, lambda _: None):
            words = program_words(call)
            at = shell.enter(call)
            if shell.moves(replace(call, words=words)):
                continue
            command = command_of(words)
            if command is not None and command.does in _GIVEN:
                path = file_option(command)
                yield GivenPath(tool=command.tool, path=self._resolved(at, path))

    def _resolved(self, folder: str, path: str | None) -> str | None:
        """A path from where the script is run: the root, or its own folder."""
        if folder.startswith(NOWHERE) or path is None:
            return None
        starts = ("", self.file.folder)
        paths = [
            posixpath.normpath(posixpath.join(start, folder.lstrip("/"), path)) for start in starts
        ]
        return next((each for each in paths if self._is_known(each)), paths[0])

    def _is_known(self, path: str) -> bool:
        return path in self.known


def script_files(project: Project) -> Iterator[ScriptFile]:
    """The scripts of a project."""
    known = frozenset(each.path for each in project.read)
    for each in project.files_of(Family.TEXT):
        if not _NO_SCRIPTS.fullmatch(posixpath.basename(each.path)):
            yield ScriptFile(file=each, known=known)
