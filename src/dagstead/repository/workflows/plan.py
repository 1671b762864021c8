"""What to build and deploy: locations by the file that one session deploys them from."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from dagstead.errors import InvalidInputError
from dagstead.model.families import Family
from dagstead.model.location import Kind, Location
from dagstead.repository.changes.filter_paths import watched_paths
from dagstead.repository.ci.inspection import inspect
from dagstead.repository.ci.serverless_images import ServerlessImages
from dagstead.repository.files import ConfigFile, Project
from dagstead.repository.files.before_build import Preparation, PreparationFinder
from dagstead.repository.files.project import left_out_note, project_prefix
from dagstead.repository.files.slugs import slugs_of
from dagstead.repository.files.toml_files import TomlFiles
from dagstead.repository.rules.build_folders import unnamed_folder
from dagstead.repository.rules.visit import file_exists, folder_exists
from dagstead.repository.workflows.expressions import is_filled_in
from dagstead.repository.workflows.marks import is_ours
from dagstead.repository.workflows.options import Options, Pattern

#: Of these a builder of PEX files needs one.
_PROJECT_FILES = ("pyproject.toml", "setup.py", "requirements.txt")
#: How serverless locations are built that are images, in the words of plan files.
IMAGE = "image"
_BUILT_FROM = frozenset({*_PROJECT_FILES, "Dockerfile"})
_CODE = (".ipynb", ".py", ".sql")

_LEAVE_OUT = "Leave out line breaks, control characters, '|', '${{' and '$[['."


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedLocation:
    """A location to build and deploy. All paths are relative to the root of the repository."""

    name: str
    kind: Kind
    #: The folder to build; for an image, the context with its Dockerfile.
    directory: str
    #: Where its image goes; empty unless it is hybrid.
    registry: str
    #: Its name in the form of tags and file names; no other location has it.
    slug: str
    #: Files and folders that a change of this location is a change of; ``.`` is everything.
    watched: tuple[str, ...]
    #: What has to be done before it is built.
    before: Preparation | None = None
    #: Whether it is serverless, and an image.
    is_image: bool = False

    @property
    def way(self) -> str:
        """How it is built, in the words of plan files: its kind, or :data:`IMAGE`."""
        return IMAGE if self.is_image else str(self.kind)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedSession:
    """Locations of one file, deployed together."""

    #: The folder of the file, ``.`` for the root of the repository.
    project_dir: str
    #: The file's name in that folder.
    file: str
    #: Whether it must be rendered first: ``ci init`` reads it without ``defaults:`` and Jinja.
    rendered: bool
    targets: tuple[PlannedLocation, ...]

    @property
    def path(self) -> str:
        """The file, relative to the root of the repository."""
        return posixpath.normpath(posixpath.join(self.project_dir, self.file))

    def of_kind(self, kind: Kind) -> tuple[PlannedLocation, ...]:
        """Its locations of one kind; of the serverless ones, those that are PEX files."""
        return tuple(each for each in self.targets if each.way == kind)

    @property
    def images(self) -> tuple[PlannedLocation, ...]:
        """Its serverless locations that are images."""
        return tuple(each for each in self.targets if each.is_image)


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkflowPlan:
    """Everything that a repository's workflows have to do."""

    #: The folder that was read, relative to the root of the repository.
    project_dir: str
    sessions: tuple[PlannedSession, ...]
    #: Whether something that goes into a PEX file is built by a ``setup.py``.
    has_setup_py: bool = False

    @property
    def targets(self) -> tuple[PlannedLocation, ...]:
        """The locations of all sessions."""
        return tuple(target for session in self.sessions for target in session.targets)


def make_plan(project: Project, *, official: bool = True) -> WorkflowPlan:
    """The plan of a project.

    ``official`` says whether the official command line has to deploy it.

    Raises:
        InvalidInputError: when there is nothing to deploy, or a location cannot be deployed by a
            session of the official command line as it is written.
    """
    images = images_of(project)
    refused = list(_refusals(project, images, official=official))
    if refused:
        raise InvalidInputError("\n".join(refused))
    sessions = sessions_of(project, watched=watched_paths(project), images=images)
    _check_texts(sessions)
    return WorkflowPlan(
        project_dir=project_prefix(project),
        sessions=sessions,
        has_setup_py=any(_setup_files(project, sessions)),
    )


def images_of(project: Project) -> frozenset[str]:
    """The names of serverless locations that are images; generated files do not say so."""
    inspection = inspect(project)
    paths = (each.workflow.path for each in inspection.workflows)
    chosen = ServerlessImages(
        project=project,
        inspection=inspection,
        documents=TomlFiles(),
        ignored=frozenset(each for each in paths if _is_generated(project.repository / each)),
    )
    return frozenset(each.name.value for each in project.locations if chosen.why(each) is not None)


def _is_generated(path: Path) -> bool:
    try:
        return is_ours(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return False


def _check_texts(sessions: Iterable[PlannedSession]) -> None:
    """Refuse what a script cannot hold, wherever in the repository it comes from."""
    for session in sessions:
        for what, text in _texts(session):
            if not text.isprintable() or is_filled_in(text):
                msg = f"The {what} {text!r} cannot be written into a script safely. {_LEAVE_OUT}"
                raise InvalidInputError(msg)
    for each in preparations(target for session in sessions for target in session.targets):
        for command in each.commands:
            if is_filled_in(command):
                msg = (
                    f"{each.folder}/pyproject.toml: before-build has {command!r}, in which CI "
                    "would fill in '${{'. Leave that out."
                )
                raise InvalidInputError(msg)


def _texts(session: PlannedSession) -> Iterator[tuple[str, str]]:
    yield "folder", session.project_dir
    yield "file", session.file
    for target in session.targets:
        yield "name", target.name
        yield "folder", target.directory
        yield "registry", target.registry
        yield from (("path", each) for each in target.watched)
        if target.before is not None:
            yield "folder", target.before.folder


def _setup_files(project: Project, sessions: Iterable[PlannedSession]) -> Iterator[Path]:
    """Every ``setup.py`` that builds a PEX file; those of libraries beside it, too."""
    for session in sessions:
        for target in session.of_kind(Kind.SERVERLESS):
            for folder in (target.directory, *target.watched):
                file = project.repository / folder / "setup.py"
                if file.is_file():
                    yield file


def sessions_of(
    project: Project,
    *,
    watched: Mapping[str, Iterable[str]] = MappingProxyType({}),
    images: Collection[str] = (),
) -> tuple[PlannedSession, ...]:
    """The sessions of a project, whether all of them can be deployed or not.

    Args:
        project: what is known of the repository.
        watched: the files and folders of each location by its name.
        images: the names of serverless locations that are images.
    """
    prefix = project_prefix(project)
    slugs = slugs_of(project)
    finder = PreparationFinder(project.repository, prefix)
    sessions = []
    for path in dict.fromkeys(each.file for each in project.locations):
        locations = [each for each in project.locations if each.file == path]
        file = project.file(path)
        folder = posixpath.normpath(posixpath.join(prefix, posixpath.dirname(path)))
        session = PlannedSession(
            project_dir=folder,
            file=posixpath.basename(path),
            rendered=file is not None and needs_rendering(file),
            targets=tuple(
                replace(
                    _target(prefix, each, slugs, watched.get(each.name.value, ()), finder),
                    is_image=each.name.value in images,
                )
                for each in locations
            ),
        )
        sessions.append(session)
    return tuple(sessions)


def preparations(targets: Iterable[PlannedLocation]) -> Mapping[Preparation, tuple[str, ...]]:
    """What has to be done before some locations are built, with the names of those."""
    found: dict[Preparation, tuple[str, ...]] = {}
    for each in targets:
        if each.before is not None and each.kind in {Kind.SERVERLESS, Kind.HYBRID}:
            found[each.before] = (*found.get(each.before, ()), each.name)
    return found


def needs_setuptools(plan: WorkflowPlan, options: Options) -> bool:
    """Whether the Python of PEX files must get setuptools; a routed workflow may come to that."""
    routed = options.pattern is Pattern.ROUTED
    return options.lacks_setuptools and (plan.has_setup_py or routed)


def needs_rendering(file: ConfigFile) -> bool:
    """Whether the official command line would not see all that a file says."""
    return file.template_tag is not None or (
        file.root is not None and file.root.get("defaults") is not None
    )


def _target(
    prefix: str,
    location: Location,
    slugs: Mapping[str, str],
    watched: Iterable[str],
    finder: PreparationFinder,
) -> PlannedLocation:
    directory = posixpath.normpath(posixpath.join(prefix, location.build_folder))
    return PlannedLocation(
        name=location.name.value,
        kind=location.kind,
        directory=directory,
        registry=location.registry.value if location.registry and location.registry.value else "",
        slug=slugs[location.name.value],
        watched=tuple(watched),
        before=finder.find(directory),
    )


def outside(path: str) -> bool:
    """Whether a normal path leaves the folder that it is relative to."""
    return path == ".." or path.startswith(("../", "/"))


def _refusals(project: Project, images: Collection[str], *, official: bool) -> Iterator[str]:
    if not project.locations:
        yield (
            f"There is no code location in {_shown(project.root)!r}. "
            f"{left_out_note(project) or 'Run it at the folder of your dagster_cloud.yaml.'}"
        )
    has_code = _has_code(project)
    for each in project.locations:
        yield from _refusals_of(project, each)
        if has_code:
            yield from _refusals_of_folder(project, each, images)
        if official:
            yield from _official_refusals_of(project, each, has_code=has_code)


def _has_code(project: Project) -> bool:
    """Whether there is more than configuration: code that is elsewhere cannot be judged."""
    for _, folders, names in os.walk(project.root):
        folders[:] = [each for each in folders if not each.startswith(".")]
        if any(each in _BUILT_FROM or each.endswith(_CODE) for each in names):
            return True
    return False


def _refusals_of(project: Project, location: Location) -> Iterator[str]:
    where = f"{location.position}: {location.name.value}"
    if location.kind is Kind.AMBIGUOUS:
        found = location.classification
        yield f"{where} is ambiguous: {found.reason}. {found.settle}."
    values = (location.name, location.registry, location.build_directory)
    for value in values:
        text = value.value if value is not None else ""
        if value is not None and (not text.isprintable() or "|" in text or is_filled_in(text)):
            yield (
                f"{value.position}: {text!r} cannot be written into a script safely. {_LEAVE_OUT}"
            )
    prefix = project_prefix(project)
    if outside(posixpath.normpath(posixpath.join(prefix, location.build_folder))):
        yield (
            f"{where} is built from {location.build_folder!r}, which is outside of the repository. "
            "Name a folder inside it as build.directory."
        )


def _refusals_of_folder(
    project: Project, location: Location, images: Collection[str]
) -> Iterator[str]:
    """Why nothing can be built from the folder of a location, whatever the tool."""
    folder, name = location.build_folder, location.name.value
    if location.kind not in {Kind.SERVERLESS, Kind.HYBRID} or outside(folder):
        return
    unnamed = unnamed_folder(project, location)
    if unnamed is not None:
        yield f"{location.position}: {unnamed.refusal}"
    elif not folder_exists(project, folder):
        yield (
            f"{location.position}: there is no folder {folder!r} to build {name!r} from. Write "
            "the path of one as build.directory, from the folder of this file."
        )
    elif name in images and _has_one(project, folder, "Dockerfile"):
        return
    elif location.kind is Kind.SERVERLESS and not _has_one(project, folder, *_PROJECT_FILES):
        yield (
            f"{location.position}: {name!r} is built as a PEX file, and {folder!r} has none of "
            f"{', '.join(_PROJECT_FILES)}. Write one of them, or name the folder that has one as "
            "build.directory."
        )


def _has_one(project: Project, folder: str, *names: str) -> bool:
    return any(file_exists(project, posixpath.join(folder, each)) for each in names)


def _official_refusals_of(project: Project, location: Location, *, has_code: bool) -> Iterator[str]:
    where = f"{location.position}: {location.name.value}"
    if location.family is Family.DG:
        yield (
            f"{where} is a dg project, and the generated files deploy from dagster_cloud.yaml. "
            "`dagster-cloud ci` has no other way: write one, or take --with dagstead."
        )
        return
    if has_code and location.kind is Kind.HYBRID and not _builds_an_image(project, location):
        yield (
            f"{where} is built as an image, and {location.build_folder!r} has no Dockerfile, which "
            "the generated files build. Add one, such as `dagstead plan --show-dockerfile` "
            "prints, or take --with dagstead, which generates one."
        )
    folder = posixpath.join(project_prefix(project), posixpath.dirname(location.file))
    if re.search(r"\s", folder):
        # It gives the folder to git as words: what it finds is no pull request any more.
        yield (
            f"{where} is in a folder with a space in its name, {folder!r}, where `dagster-cloud "
            "ci` does not find git's history. Rename the folder, or take --with dagstead."
        )


def _builds_an_image(project: Project, location: Location) -> bool:
    """Whether there is a Dockerfile, or another reason is given why there can be no image."""
    folder = location.build_folder
    if not folder_exists(project, folder) or unnamed_folder(project, location) is not None:
        return True
    return _has_one(project, folder, "Dockerfile")


def _shown(path: Path) -> str:
    return path.name or str(path)
