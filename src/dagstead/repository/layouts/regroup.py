"""Moves entries between one file per location and one file at the root."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from dagstead.model.families import Family
from dagstead.model.source import SourceText
from dagstead.repository.files.project import Project
from dagstead.repository.layouts.append import append_entries
from dagstead.repository.layouts.defaults import with_common_defaults
from dagstead.repository.layouts.dg_in import pieces_of, without_projects
from dagstead.repository.layouts.extract import EntryLines, Extraction, extract_entries, prepared
from dagstead.repository.layouts.model import MigrationRequest
from dagstead.repository.layouts.targets import Move


def moved(
    project: Project, moves: Sequence[Move], request: MigrationRequest
) -> dict[str, SourceText | None]:
    """The files of ``dagster_cloud.yaml`` after some moves."""
    return _Moving(project, moves, request).files()


class _Moving:
    def __init__(self, project: Project, moves: Sequence[Move], request: MigrationRequest) -> None:
        self._project = project
        self._wish = request
        self._all = moves
        self._moves = [each for each in moves if each.location.family is Family.CLOUD]
        self._files: dict[str, SourceText | None] = {}
        self._pieces: dict[str, list[EntryLines]] = defaultdict(list)

    def files(self) -> dict[str, SourceText | None]:
        receiving = {each.target for each in self._all if not each.stays and not each.duplicate}
        for path in dict.fromkeys(each.location.file for each in self._moves):
            self._take_apart(path, receives=path in receiving)
        for piece in pieces_of(self._project, self._all):
            self._pieces[piece.target].append(piece)
        for target, pieces in self._pieces.items():
            there = self._files.get(target, self._source(target))
            self._files[target] = append_entries(there, target, pieces)
        self._factor()
        self._files |= without_projects(self._project, self._all, self._wish)
        return {path: text for path, text in self._files.items() if text != self._source(path)}

    def _factor(self) -> None:
        if not self._wish.factor_defaults:
            return
        for path in dict.fromkeys(each.target for each in self._all):
            there = self._files.get(path, self._source(path))
            if there is not None:
                self._files[path] = with_common_defaults(there)

    def _take_apart(self, path: str, *, receives: bool) -> None:
        source = self._source(path)
        if source is None:
            return
        taking = self._taking(path, receives=receives)
        if not taking.targets:
            if taking.defaults:
                self._files[path] = prepared(source, taking)
            return
        taken = extract_entries(source, taking)
        if not self._wish.keep:
            self._files[path] = taken.rest
        for piece in taken.pieces:
            self._pieces[piece.target].append(piece)

    def _taking(self, path: str, *, receives: bool) -> Extraction:
        moves = [each for each in self._moves if each.location.file == path]
        file = self._project.file(path)
        root = None if file is None else file.root
        listed = None if root is None else root.get("locations")
        items = () if listed is None else listed.items
        index = {id(item): at for at, item in enumerate(items)}
        leaving = {index[id(each.location.written)]: each for each in moves if not each.stays}
        if self._wish.keep:
            leaving = {at: each for at, each in leaving.items() if not each.duplicate}
        every = receives or self._wish.factor_defaults is not None
        has_defaults = root is not None and root.get("defaults") is not None
        return Extraction(
            targets={at: each.target for at, each in leaving.items()},
            directories={
                at: each.directory
                for at, each in leaving.items()
                if each.directory is not None and not each.duplicate
            },
            defaults=frozenset((range(len(items)) if every else leaving) if has_defaults else ()),
            dropped=frozenset(at for at, each in leaving.items() if each.duplicate),
        )

    def _source(self, path: str) -> SourceText | None:
        file = self._project.file(path)
        return None if file is None else file.source
