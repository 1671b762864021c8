"""Files that cannot be changed as they are: what is in the way, with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dagstead.model.families import Family
from dagstead.repository.files.families import variant_of
from dagstead.repository.files.project import ConfigFile, Project
from dagstead.repository.layouts.model import MigrationRequest
from dagstead.repository.layouts.sheet import odd_break
from dagstead.repository.layouts.targets import Move

_KNOWN_KEYS = frozenset({"locations", "defaults"})


def unreadable(project: Project, request: MigrationRequest) -> Iterator[str]:
    """Why it is not known what some files say; of those with locations that are meant."""
    for file in project.files_of(Family.CLOUD):
        own = [each for each in project.definitions if each.file == file.path]
        meant = not request.names or any(request.takes(each.name.value) for each in own)
        if meant and not variant_of(file.path):
            yield from _unreadable(file)


def unfit(project: Project, moves: Iterable[Move]) -> Iterator[str]:
    """What would be lost with files that go."""
    for path in dict.fromkeys(each.location.file for each in moves if not each.stays):
        file = project.file(path)
        if file is not None and file.family is Family.CLOUD:
            yield from _foreign_keys(file)


def _unreadable(file: ConfigFile) -> Iterator[str]:
    source, parsed = file.source, file.parsed
    if file.undecodable is not None:
        place = source.position(file.undecodable.start, file.undecodable.end)
        yield f"{place}: {file.undecodable.message}. Save the file as UTF-8."
        return
    if file.template_tag is not None:
        place = source.position(*file.template_tag)
        yield (
            f"{place}: the file is a Jinja template, and what its locations are depends on the "
            "values. Render it with `dagster-cloud ci template` and migrate the outcome."
        )
        return
    odd = odd_break(source)
    if odd is not None:
        yield odd
        return
    if parsed.syntax is not None:
        place = source.position(parsed.syntax.start, parsed.syntax.end)
        yield f"{place}: the file cannot be read: {parsed.syntax.message}. Put that right first."
    for problem in parsed.broken:
        place = source.position(problem.start, problem.end)
        yield f"{place}: {problem.message}. Put that right first."
    for first, later in parsed.duplicates:
        key = later.key.value
        how = "Keep one of the two."
        if key == "locations":
            how = "`dagstead migrate --repair` puts the lists together."
        yield (
            f"{later.key.position}: {key!r} is written in line {first.key.position.line}, too, "
            f"and that is lost. {how}"
        )
    yield from _odd_entries(file)


def _odd_entries(file: ConfigFile) -> Iterator[str]:
    if file.root is None:
        return
    if not file.root.is_mapping:
        yield f"{file.root.position}: the file has no keys. Begin it with 'locations:'."
        return
    listed = file.root.get("locations")
    for each in () if listed is None else listed.items:
        name = each.get("location_name")
        if name is None or not name.text:
            yield f"{each.position}: this entry has no location_name. Give it one."
        directory = each.get("build", "directory")
        if directory is not None and not directory.is_null and directory.text is None:
            yield f"{directory.position}: build.directory is not text. Write a path."
    if listed is not None and not listed.is_sequence and not listed.is_null:
        yield f"{listed.position}: locations is not a list. Begin each entry with '- '."


def _foreign_keys(file: ConfigFile) -> Iterator[str]:
    for entry in () if file.root is None else file.root.entries:
        anchored = file.source.text[entry.value.start : entry.value.end].startswith("&")
        if entry.key.value not in _KNOWN_KEYS and not anchored:
            yield (
                f"{entry.key.position}: {entry.key.value!r} belongs to no location, and the "
                "official command line refuses it. Remove it."
            )
