"""From a project to files, and from files to what has drifted."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dagstead.errors import ConflictError, InvalidInputError
from dagstead.repository.ci.inspection import inspect
from dagstead.repository.ci.provider import FILE, FOLDER, Provider
from dagstead.repository.files import Project
from dagstead.repository.files.project import project_prefix
from dagstead.repository.files.yaml_text import dump
from dagstead.repository.workflows.github import github_workflows
from dagstead.repository.workflows.gitlab import gitlab_pipeline
from dagstead.repository.workflows.marks import MARK, is_ours
from dagstead.repository.workflows.older import OlderWorkflows, older_workflows
from dagstead.repository.workflows.options import DeployTool, Options, Pattern
from dagstead.repository.workflows.plan import (
    WorkflowPlan,
    make_plan,
    preparations,
    sessions_of,
)

#: What stays itself in a script without quotes.
_PASTED = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./-]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class GeneratedFile:
    """A file as it should be."""

    #: Relative to the root of the repository.
    path: str
    text: str


def generate(project: Project, options: Options) -> tuple[GeneratedFile, ...]:
    """The files of a pattern. Nothing is written.

    Raises:
        InvalidInputError: when options do not go together, or a location cannot be deployed so;
            a line for each reason, with its place.
    """
    options.checked()
    plan = make_plan(project, official=options.tool is not DeployTool.DAGSTEAD)
    if options.tool is DeployTool.OFFICIAL_ACTION:
        _check_action(plan, options)
    if options.provider is Provider.GITLAB:
        documents = {FILE: gitlab_pipeline(plan, options)}
    else:
        documents = github_workflows(plan, options)
    heading = list(_heading(options, plan.project_dir))
    return tuple(
        GeneratedFile(path=path, text=dump(document, heading=heading))
        for path, document in documents.items()
    )


def older_than(
    project: Project, options: Options, files: Iterable[GeneratedFile]
) -> OlderWorkflows:
    """The workflows that deploy already what some new files are to deploy."""
    names = [each.name.value for each in project.locations]
    made = {each.path for each in files}
    found = older_workflows(inspect(project), names, options.deployment, made)
    ours = {each.path for each in found if is_ours(_read(project.repository / each.path))}
    return OlderWorkflows(
        generated=tuple(each for each in found if each.path in ours),
        foreign=tuple(each for each in found if each.path not in ours),
    )


def commands_before(project: Project) -> frozenset[str]:
    """The commands that generated files run before the build."""
    targets = (target for session in sessions_of(project) for target in session.targets)
    return frozenset(command for each in preparations(targets) for command in each.commands)


def drift(root: Path, files: Iterable[GeneratedFile]) -> str:
    """How the files below ``root`` differ from what they should be, as a unified diff."""
    return "".join(_difference(each, _read(root / each.path)) for each in files)


def stale_files(
    root: Path, project: Project, options: Options, files: Iterable[GeneratedFile]
) -> tuple[str, ...]:
    """Files that these options made once and make no longer: those of locations that are gone."""
    if options.provider is not Provider.GITHUB or options.pattern is not Pattern.PER_LOCATION:
        return ()
    heading = "".join(
        f"# {line}".rstrip() + "\n" for line in _heading(options, project_prefix(project))
    )
    made = {each.path for each in files}
    found = (f"{FOLDER}/{each.name}" for each in sorted((root / FOLDER).glob("dagster-deploy-*")))
    return tuple(
        each for each in found if each not in made and _read(root / each).startswith(heading)
    )


def changed_files(
    project: Project, options: Options, replaced: Iterable[str] = ()
) -> tuple[tuple[str, bytes | None, bytes | None], ...]:
    """Files that differ from what a pattern makes: path, bytes now, bytes to be.

    Args:
        project: the locations that are deployed.
        options: how.
        replaced: paths of other workflows that are to go.

    Raises:
        ConflictError: when a file is there that was not generated.
        InvalidInputError: as :func:`generate`.
    """
    root = project.repository
    files = generate(project, options)
    _refuse_foreign(root, files)
    changed = [
        (each.path, _bytes(root / each.path), each.text.encode())
        for each in files
        if _read(root / each.path) != each.text
    ]
    gone = dict.fromkeys(stale_files(root, project, options, files))
    gone |= dict.fromkeys(each.path for each in older_than(project, options, files).generated)
    gone |= dict.fromkeys(replaced)
    return (*changed, *((each, _bytes(root / each), None) for each in gone))


def write(root: Path, files: Iterable[GeneratedFile], *, force: bool = False) -> list[str]:
    """Write the files that differ; the paths of those.

    Raises:
        ConflictError: when a file is there that was not generated, unless ``force``.
    """
    every = tuple(files)
    if not force:
        _refuse_foreign(root, every)
    changed = [each for each in every if _read(root / each.path) != each.text]
    for each in changed:
        path = root / each.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(each.text, encoding="utf-8", newline="")
    return [each.path for each in changed]


def _refuse_foreign(root: Path, files: Iterable[GeneratedFile]) -> None:
    foreign = [each.path for each in files if not is_ours(_read(root / each.path))]
    if foreign:
        msg = (
            f"{', '.join(foreign)} was written by somebody else. Move it away, or overwrite it "
            "with `dagstead workflow generate --force`."
        )
        raise ConflictError(msg)


def _heading(options: Options, project_dir: str) -> Iterator[str]:
    yield MARK.removeprefix("# ")
    yield "Change the configuration of the locations, not this file, and make it again with:"
    yield f"  {options.command(project_dir)}"
    yield "The same with --check fails when this file is not what it would make."
    yield ""
    if options.provider is Provider.GITLAB:
        yield "CI/CD variables: DAGSTER_CLOUD_URL (the address of the control plane),"
        yield "DAGSTER_CLOUD_API_TOKEN (a user token; masked), and for images REGISTRY_USERNAME and"
        yield "REGISTRY_PASSWORD. Protected variables are not given to merge requests."
    else:
        yield "Variable of the repository: DAGSTER_CLOUD_URL (the address of the control plane)."
        yield "Secrets: DAGSTER_CLOUD_API_TOKEN (a user token), and those of the registries below."


def _check_action(plan: WorkflowPlan, options: Options) -> None:
    """The action pastes what it is given into scripts, and renders no file."""
    for session in plan.sessions:
        if session.rendered:
            msg = (
                f"{session.path} uses defaults or Jinja, which the official action does not "
                "render. Take --with cli."
            )
            raise InvalidInputError(msg)
    given = (
        *(("location", each.name) for each in plan.targets),
        *(("folder", each.project_dir) for each in plan.sessions),
        *(("file", each.file) for each in plan.sessions),
        ("deployment", options.deployment),
    )
    for what, text in given:
        if not _PASTED.fullmatch(text):
            msg = (
                f"The {what} {text!r} has characters that the official action does not quote. "
                "Take --with cli, or a name of letters, digits, '_', '.' and '-'."
            )
            raise InvalidInputError(msg)


def _difference(file: GeneratedFile, there: str) -> str:
    lines = difflib.unified_diff(
        there.splitlines(keepends=True),
        file.text.splitlines(keepends=True),
        fromfile=f"{file.path} (as it is)" if there else "/dev/null",
        tofile=f"{file.path} (as it would be made)",
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def _read(path: Path) -> str:
    return (_bytes(path) or b"").decode("utf-8", errors="replace")


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
