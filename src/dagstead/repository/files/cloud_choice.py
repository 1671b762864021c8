"""Which ``dagster_cloud.yaml`` files the official command line and its action are to read."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from dagstead.model.families import Family
from dagstead.repository.files.families import is_cloud, variant_of
from dagstead.repository.files.named import NamedFiles
from dagstead.repository.files.project import ConfigFile
from dagstead.repository.files.set_aside import (
    is_example,
    is_of_agent,
    other_tool,
    why_set_aside,
)

#: What the official command line looks for.
_FIRST = "dagster_cloud.yaml"


@dataclass(frozen=True, kw_only=True, slots=True)
class CloudChoice:
    """Paths of ``dagster_cloud.yaml`` files."""

    #: Those that are read.
    chosen: frozenset[str]
    #: Those that hold the configuration of an agent.
    agents: frozenset[str]
    #: Why others are not read, by their paths.
    reasons: Mapping[str, str]


def choose_cloud(
    files: Iterable[ConfigFile], named: NamedFiles, *, has_projects: bool
) -> CloudChoice:
    """Choose among the files that were read.

    Args:
        files: what was read.
        named: what CI names.
        has_projects: whether there are projects of dg, too.
    """
    cloud = [each for each in files if each.family is Family.CLOUD]
    choosing = _CloudChooser(named=named, is_alone=len(cloud) == 1 and not has_projects)
    for each in cloud:
        choosing.sort(each)
    chosen = choosing.chosen()
    return CloudChoice(
        chosen=frozenset(chosen), agents=frozenset(choosing.agents), reasons=choosing.reasons
    )


def names_of(file: ConfigFile) -> frozenset[str]:
    """The names in a ``dagster_cloud.yaml``; of several lists, as ``cat`` makes them, all."""
    return frozenset(_names_in(file))


def has_names(file: ConfigFile) -> bool:
    """Whether there are some."""
    return any(True for _ in _names_in(file))


def _names_in(file: ConfigFile) -> Iterator[str]:
    if file.family is not Family.CLOUD or file.root is None:
        return
    lists = [each.value for each in file.root.entries if each.key.value == "locations"]
    names = (item.get("location_name") for each in lists for item in each.items)
    yield from (each.text for each in names if each is not None and each.text)


def nearest(paths: Iterable[str]) -> str:
    """The path nearest to the root."""
    return min(paths, key=lambda path: (path.count("/"), path))


@dataclass(kw_only=True)
class _CloudChooser:
    named: NamedFiles
    #: Whether there is one file, and nothing else that could be deployed.
    is_alone: bool
    candidates: dict[str, ConfigFile] = field(default_factory=dict)
    agents: set[str] = field(default_factory=set)
    reasons: dict[str, str] = field(default_factory=dict)

    def sort(self, file: ConfigFile) -> None:
        """Put a file where it belongs."""
        is_named = self._is_named(file.path)
        aside = None if is_named else why_set_aside(file.path, file.source.text)
        tool = None if file.path in self.named.cloud else other_tool(file)
        if aside is not None:
            self.reasons[file.path] = aside
        elif tool is None or (self.is_alone and _is_usual(file) and not file.folder):
            # At the root, with nothing else to deploy, the name is what was meant.
            self.candidates[file.path] = file
        elif is_of_agent(file):
            self.agents.add(file.path)
        else:
            self.reasons[file.path] = f"it is {tool}"

    def chosen(self) -> set[str]:
        """The paths of the files that are read."""
        self._prefer_first_name()
        named = {path for path in self.candidates if self._is_named(path)}
        given = {path for path in named if self._is_given(path)}
        at_root = [each for each in self.candidates.values() if _is_usual(each) and not each.folder]
        if any(each.root is None and each.source.text.strip() for each in at_root):
            # Nobody knows what it defines, nor which of the others it repeats.
            return set(self.candidates)
        # A file that defines nothing decides nothing.
        root = {each.path for each in at_root if has_names(each)}
        if not root:
            return self._in_folders(named)
        if given and not self.named.is_open and not root & given and not self._has(root, given):
            self._leave_out(set(self.candidates) - named, f"CI deploys {_listed(given)}")
            return named
        self._leave_out(
            set(self.candidates) - root - named, f"{nearest(root)}, which is at the root, is"
        )
        return root | named

    def _prefer_first_name(self) -> None:
        """Leave out ``dagster-cloud.yml`` and the like beside the file that commands look for."""
        for path, each in list(self.candidates.items()):
            first = posixpath.join(each.folder, _FIRST)
            is_other = path != first and first in self.candidates
            if is_other and _is_usual(each) and not self._is_named(path):
                self.reasons[path] = f"{first} is"
                del self.candidates[path]

    def _has(self, root: set[str], given: set[str]) -> bool:
        """Whether a file at the root has all that CI deploys from other files, as an index has."""
        known = {name for path in root for name in names_of(self.candidates[path])}
        return all(names_of(self.candidates[path]) <= known for path in given)

    def _in_folders(self, named: set[str]) -> set[str]:
        usual = {each.folder: each.path for each in self.candidates.values() if _is_usual(each)}
        for path, each in self.candidates.items():
            beside = usual.get(each.folder, path)
            if path in named:
                continue
            if not _is_usual(each) and beside != path:
                self.reasons[path] = f"{beside} is"
            elif named and is_example(path):
                self.reasons[path] = f"CI deploys {_listed(named)}"
        return self.candidates.keys() - self.reasons.keys()

    def _is_named(self, path: str) -> bool:
        return path in self.named.mentioned or self._is_given(path)

    def _is_given(self, path: str) -> bool:
        """Whether a command that deploys is given the file, or its folder."""
        folder = posixpath.dirname(path) or "."
        in_folder = folder in self.named.folders and not variant_of(path)
        return path in self.named.cloud or in_folder

    def _leave_out(self, paths: Iterable[str], reason: str) -> None:
        self.reasons |= dict.fromkeys(sorted(paths), reason)


def _is_usual(file: ConfigFile) -> bool:
    """Whether its name is the one that is read unless another is given, or is meant so."""
    return is_cloud(posixpath.basename(file.path)) and not variant_of(file.path)


def _listed(paths: Iterable[str]) -> str:
    first, *others = sorted(paths)
    return f"{first} and {len(others)} more" if others else first
