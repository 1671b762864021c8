"""From a folder to a :class:`Project`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from dagstead.errors import InvalidInputError
from dagstead.model.families import Family
from dagstead.model.location import Location
from dagstead.model.source import SourceText
from dagstead.repository.files.deployed import DeployedFiles, decide, everything
from dagstead.repository.files.dg import dg_locations, directory_type
from dagstead.repository.files.exclusion import Exclusion
from dagstead.repository.files.families import family_of, is_interesting, is_workflow
from dagstead.repository.files.locations import locations_of
from dagstead.repository.files.named import NOTHING_NAMED, NamedFiles
from dagstead.repository.files.project import ConfigFile, LeftOut, Project
from dagstead.repository.files.settings import exclusion
from dagstead.repository.files.templates import TemplateValues, find_tag, render
from dagstead.repository.files.toml_reader import read_toml
from dagstead.repository.files.walk import interesting_files, repository_of
from dagstead.repository.files.yaml_reader import ParseResult, Problem, read_yaml

#: Larger files are no configuration written by people.
_MOST_BYTES = 4_000_000


def read_project(root: Path, *, template_values: TemplateValues | None = None) -> Project:
    """Read every configuration file below a folder, or one file.

    What is wrong in a file never raises: it is kept with its place, and the rules report it.
    Files are read in place; Dagster is not imported, and no code of the project is run.

    Args:
        root: a folder; or a file, whose folder then is the root and which alone is read.
        template_values: renders ``dagster_cloud.yaml`` files that are Jinja templates. Without
            them a template is read as it is, as most official commands do.

    Raises:
        InvalidInputError: when there is no such folder or file, or it cannot be read.
    """
    absolute = root.absolute()
    if absolute.is_file():
        return _project(absolute.parent, [absolute.name], template_values)
    if not absolute.is_dir():
        msg = f"There is no folder or file {str(root)!r}. Name the folder of your repository."
        raise InvalidInputError(msg)
    above = settings_above(absolute, repository_of(absolute) or absolute)
    return _project(absolute, (*above, *interesting_files(absolute)), template_values)


def read_file(
    root: Path,
    path: str,
    *,
    data: bytes,
    template_values: TemplateValues | None = None,
    family: Family | None = None,
) -> ConfigFile | None:
    """One file from its bytes, ``None`` when it says nothing about locations or agents.

    ``family`` says what it is, where that is known from elsewhere.
    """
    undecodable = None
    try:
        source = SourceText.decode(path, data)
    except UnicodeDecodeError as error:
        source = SourceText(file=path, text=data.decode("utf-8", errors="replace"))
        start = len(data[: error.start].decode("utf-8"))
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        undecodable = Problem(message=message, start=start, end=start + 1)
    family = family or family_of(path, source.text)
    if family is None:
        return None
    if undecodable is not None:
        return ConfigFile(
            path=path,
            family=family,
            source=source,
            parsed=ParseResult(root=None),
            undecodable=undecodable,
        )
    if family is Family.CLOUD:
        return _cloud_file(root, source, template_values)
    return ConfigFile(path=path, family=family, source=source, parsed=_parse(family, source))


def read_contents(
    root: Path,
    contents: Mapping[str, bytes],
    *,
    template_values: TemplateValues | None = None,
) -> Project:
    """The same as :func:`read_project` from bytes by path, as of a commit; ``root`` is not read."""
    read = (
        read_file(root, path, data=data, template_values=template_values)
        for path, data in sorted(contents.items())
    )
    files = tuple(each for each in read if each is not None)
    return assemble(root, repository_of(root) or root, files)


def _cloud_file(root: Path, source: SourceText, values: TemplateValues | None) -> ConfigFile:
    tag = find_tag(source)
    if tag is None or values is None:
        parsed = read_yaml(source)
        if tag is not None and parsed.broken:
            # Braces without quotes are mappings to YAML: what they make of it means nothing.
            parsed = replace(parsed, root=None)
        return ConfigFile(
            path=source.file,
            family=Family.CLOUD,
            source=source,
            parsed=parsed,
            template_tag=tag,
        )
    rendered = render(source, (root / source.file).parent, values)
    parsed = ParseResult(root=None) if rendered.problem else read_yaml(rendered.source)
    return ConfigFile(
        path=source.file,
        family=Family.CLOUD,
        source=source,
        parsed=parsed,
        template_tag=tag,
        rendered=rendered.problem is None,
        template_problem=rendered.problem,
        template_missing=rendered.missing,
    )


def _parse(family: Family, source: SourceText) -> ParseResult:
    if family is Family.TEXT and not source.file.endswith((".yaml", ".yml")):
        return ParseResult(root=None)
    if family is Family.INSTALLATION:
        # Of several documents, or none of YAML's: who knows the tool reads it.
        return ParseResult(root=None)
    return read_toml(source) if family is Family.DG else read_yaml(source)


def with_changes(project: Project, changes: Mapping[str, bytes | None]) -> Project:
    """The project as it would be with other bytes in some files; nothing is read from the disk.

    Args:
        project: what was read.
        changes: bytes by path relative to the root, ``None`` for a file that is gone. Files that
            were not read before are read when their names are those of configuration.
    """
    kept = [each for each in project.read if each.path not in changes]
    given = project.named.cloud
    made = (
        read_file(project.root, path, data=data, family=Family.CLOUD if path in given else None)
        for path, data in changes.items()
        if data is not None
        and (is_interesting(PurePosixPath(path).name) or is_workflow(path) or path in given)
    )
    files = sorted([*kept, *(each for each in made if each)], key=lambda each: each.path)
    after = assemble(project.root, project.repository, tuple(files), named=project.named)
    return with_everything(after) if project.is_whole else after


def _project(root: Path, paths: Iterable[str], values: TemplateValues | None) -> Project:
    files = tuple(_read_all(root, paths, values))
    return assemble(root, repository_of(root) or root, files)


def settings_above(root: Path, repository: Path) -> tuple[str, ...]:
    """The paths of files above a root that say something about what is below, if they are there."""
    depth = 0 if root == repository else len(root.relative_to(repository).parts)
    return tuple(f"{'../' * each}pyproject.toml" for each in range(depth, 0, -1))


def assemble(
    root: Path,
    repository: Path,
    files: tuple[ConfigFile, ...],
    *,
    named: NamedFiles = NOTHING_NAMED,
) -> Project:
    """A project from all files that were read, in the order of their paths.

    Args:
        root: its folder.
        repository: the folder that git keeps.
        files: what was read.
        named: what CI and scripts name.
    """
    excluded = exclusion(files, root)
    kept = _without(files, excluded)
    deployed = decide(kept, named, root.resolve().name)
    project = _assembled(root, repository, kept, deployed)
    by_settings = tuple(
        LeftOut(path=each.path, reason="[tool.dagstead] excludes it", is_expected=True)
        for each in (files if excluded.specs else ())
        if excluded.has(each.path)
        and (each.family is Family.CLOUD or directory_type(each) == "project")
    )
    return replace(
        project,
        read=files,
        left_out=(*project.left_out, *by_settings),
        named=named,
        excluded=excluded,
    )


def with_named(
    project: Project,
    named: NamedFiles,
    contents: Mapping[str, bytes],
    *,
    template_values: TemplateValues | None = None,
) -> Project:
    """The project with what CI and scripts name taken into account.

    Args:
        project: what was read.
        named: what they name.
        contents: those of the ``dagster_cloud.yaml`` files that have names of their own.
        template_values: see :func:`read_project`.
    """
    kept = [each for each in project.read if each.path not in contents]
    made = (
        read_file(
            project.root, path, data=data, template_values=template_values, family=Family.CLOUD
        )
        for path, data in contents.items()
    )
    files = sorted([*kept, *(each for each in made if each)], key=lambda each: each.path)
    return assemble(project.root, project.repository, tuple(files), named=named)


def with_everything(project: Project) -> Project:
    """The project as if every file that was read was in force."""
    kept = _without(project.read, project.excluded)
    deployed = everything(kept, project.root.resolve().name)
    whole = _assembled(project.root, project.repository, kept, deployed)
    return replace(
        whole,
        read=project.read,
        named=project.named,
        excluded=project.excluded,
        is_whole=True,
    )


def _without(files: tuple[ConfigFile, ...], excluded: Exclusion) -> tuple[ConfigFile, ...]:
    return tuple(each for each in files if not excluded.has(each.path)) if excluded.specs else files


def _assembled(
    root: Path, repository: Path, files: tuple[ConfigFile, ...], deployed: DeployedFiles
) -> Project:
    definitions = tuple(_definitions(root, files, deployed))
    in_force = [each for each in definitions if _is_deployed(each, deployed)]
    return Project(
        root=root,
        repository=repository,
        files=deployed.files,
        definitions=definitions,
        locations=tuple(_chosen(in_force)),
        left_out=deployed.left_out,
        repeated=deployed.again,
        is_open=deployed.is_open,
    )


def _read_all(
    root: Path, paths: Iterable[str], values: TemplateValues | None
) -> Iterator[ConfigFile]:
    for path in paths:
        try:
            with open(f"{root}/{path}", "rb") as stream:  # noqa: PTH123 - quicker, for thousands
                # Python makes room for all that it is asked to read.
                size = os.fstat(stream.fileno()).st_size
                data = stream.read(min(size, _MOST_BYTES + 1))
        except OSError:
            # A link that leads nowhere, or a file that may not be read.
            continue
        if len(data) <= _MOST_BYTES:
            file = read_file(root, path, data=data, template_values=values)
            if file is not None:
                yield file


def _definitions(
    root: Path, files: tuple[ConfigFile, ...], deployed: DeployedFiles
) -> Iterator[Location]:
    for file in deployed.files:
        if file.family is Family.CLOUD:
            yield from locations_of(file)
    projects = deployed.projects | deployed.repeated
    for each in dg_locations(files, root.resolve().name):
        if (each.folder or ".") in projects:
            yield each


def _is_deployed(location: Location, deployed: DeployedFiles) -> bool:
    if location.family is Family.CLOUD:
        return location.file in deployed.cloud
    return (location.folder or ".") in deployed.projects


def _chosen(definitions: Sequence[Location]) -> Iterator[Location]:
    """One definition for each name, in the order of the definitions."""
    best: dict[str, Location] = {}
    for each in definitions:
        other = best.get(each.name.value)
        if other is None or _rank(each) < _rank(other):
            best[each.name.value] = each
    return (each for each in definitions if best[each.name.value] is each)


def _rank(location: Location) -> tuple[int, int, int]:
    variants = {"": 0, "prod": 1}
    depth = location.file.count("/")
    return depth, variants.get(location.variant, 2), int(location.family is not Family.CLOUD)
