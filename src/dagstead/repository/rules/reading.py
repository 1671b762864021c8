"""DS10x: files that cannot be read, or hold something else than locations."""

from __future__ import annotations

from collections.abc import Iterator

from dagstead.model.families import Family
from dagstead.model.nodes import Node, kind_of
from dagstead.repository.files.project import ConfigFile, Project
from dagstead.repository.rules.base import Violation, rule
from dagstead.repository.rules.visit import at_file, cloud_files, roots

#: Files of other tools have forms of their own, such as tags of CloudFormation.
_READ_FAMILIES = (Family.CLOUD, Family.DG, Family.DG_BUILD, Family.DG_CONTEXT)

_GOOD = """
    locations:
      - location_name: etl
        code_source:
          package_name: etl
    """


@rule(
    "DS101",
    "not-utf-8",
    form=True,
    reason="""
        The official command line reads configuration as UTF-8 and stops with a traceback at the
        first byte that is not. Editors on Windows write UTF-16 or a code page when they are not
        set to UTF-8. A byte order mark does no harm.
        """,
    bad={"dagster_cloud.yaml": "locations:\n  - location_name: m\udcfcsli\n"},
    good="""
        locations:
          - location_name: müsli
            code_source:
              package_name: etl
        """,
)
def not_utf_8(project: Project) -> Iterator[Violation]:
    """A configuration file is UTF-8."""
    for file in project.files_of(*_READ_FAMILIES, Family.WORKFLOW):
        problem = file.undecodable
        if problem is not None:
            yield Violation(
                position=file.source.position(problem.start, problem.end),
                message=f"{problem.message}, so the file cannot be read",
                instead="Save the file as UTF-8",
            )


@rule(
    "DS102",
    "syntax",
    form=True,
    reason="""
        No tool can read a file that is not valid YAML (or TOML). The usual causes are a second
        colon in a value without quotes, and lines of one list that are indented differently.
        """,
    bad="""
        locations:
          - location_name: etl: daily
        """,
    good="""
        locations:
          - location_name: "etl: daily"
            code_source:
              package_name: etl
        """,
)
def syntax(project: Project) -> Iterator[Violation]:
    """A configuration file is well-formed."""
    for file in project.files_of(*_READ_FAMILIES):
        problem = file.parsed.syntax
        if problem is not None and not _is_raw_template(file):
            is_toml = file.family is Family.DG
            yield Violation(
                position=file.source.position(problem.start, problem.end),
                message=f"this is not {'TOML' if is_toml else 'YAML'}: {problem.message}",
                instead="Correct this line, or what opens a quote or bracket before it"
                if is_toml
                else "Put quotes around a text with ': ' or '#', and check the indentation",
            )


@rule(
    "DS103",
    "unreadable-value",
    form=True,
    reason="""
        YAML allows tags (`!env NAME`) and keys that are lists, and a program may give them a
        meaning. The official command line gives them none and refuses the file.
        """,
    bad="""
        locations:
          - location_name: !env NAME
            code_source:
              package_name: etl
        """,
    good=_GOOD,
)
def unreadable_value(project: Project) -> Iterator[Violation]:
    """Every value is one that YAML itself knows."""
    for file in project.files_of(*_READ_FAMILIES):
        for problem in () if _is_raw_template(file) else file.parsed.broken:
            yield Violation(
                position=file.source.position(problem.start, problem.end),
                message=f"this value cannot be read: {problem.message}",
                instead="Write plain text, a number, a list or a mapping, without a tag",
            )


@rule(
    "DS104",
    "empty-file",
    form=True,
    reason="""
        A file without content, or with nothing but comments, makes `ci init` fail, also when other
        files of the repository define locations.
        """,
    bad="""
        # locations:
        #   - location_name: etl
        """,
    good=_GOOD,
)
def empty_file(project: Project) -> Iterator[Violation]:
    """A `dagster_cloud.yaml` is not empty."""
    for file in cloud_files(project):
        nothing = file.root is None or file.root.is_null
        parsed = file.parsed
        unreadable = file.undecodable or parsed.syntax or parsed.broken or file.template_problem
        if nothing and not unreadable:
            comments = " but comments" if file.source.text.strip() else ""
            yield Violation(
                position=at_file(file),
                message=f"there is nothing{comments} in this file",
                instead="List the code locations below 'locations:', or remove the file",
            )


#: Keys that show what a file without ``locations`` really is.
_OTHER_FORMS = {
    "location_name": (
        "this is one location, not a list of locations",
        "Write 'locations:' above it and begin it with '- ', two spaces further in",
    ),
    "load_from": (
        "'load_from' belongs to workspace.yaml of open-source Dagster",
        "List each location below 'locations:' with location_name and code_source",
    ),
    "code_locations": ("'code_locations' is not known", "Write 'locations:'"),
    "location": ("'location' is not known", "Write 'locations:' with a list below it"),
    "deployments": (
        "'deployments' is not known: one file is for one deployment",
        "List the code locations below 'locations:'; the deploy command names the deployment",
    ),
    "deployment": (
        "'deployment' is not known: the deploy command names the deployment",
        "List the code locations below 'locations:'",
    ),
}
_INSTANCE_KEYS = ("instance_class", "user_code_launcher", "run_launcher", "storage", "run_storage")


@rule(
    "DS105",
    "no-locations",
    form=True,
    reason="""
        The file has one purpose: the list of code locations below `locations`. Files without it are
        usually one location written without the list, `workspace.yaml` of open-source Dagster, or
        an instance's `dagster.yaml` under another name.
        """,
    bad="""
        location_name: etl
        code_source:
          package_name: etl
        """,
    good=_GOOD,
)
def no_locations(project: Project) -> Iterator[Violation]:
    """A `dagster_cloud.yaml` has a list of locations."""
    for file in cloud_files(project):
        root = file.root
        if root is None or root.is_null or _is_raw_template(file):
            continue
        if not root.is_mapping:
            yield Violation(
                position=root.position,
                message=f"this file holds {kind_of(root)}, not a mapping with 'locations'",
                instead="Write 'locations:' and the list of code locations below it",
            )
        elif root.entry("locations") is None:
            yield _without_locations(root, file)


@rule(
    "DS106",
    "locations-not-a-list",
    form=True,
    reason="""
        `locations` is a list: each location begins with `- location_name:`. A mapping of names to
        settings looks natural and is refused. So is an empty `locations:`.
        """,
    bad="""
        locations:
          etl:
            code_source:
              package_name: etl
        """,
    good=_GOOD,
)
def locations_not_a_list(project: Project) -> Iterator[Violation]:
    """`locations` is a list of mappings."""
    for root in roots(project):
        entry = root.entry("locations")
        if entry is None:
            continue
        if not entry.value.is_sequence:
            yield Violation(
                position=entry.key.position if entry.value.is_null else entry.value.position,
                message=f"'locations' is {kind_of(entry.value)}, not a list",
                instead="Begin each location with '- location_name: NAME'",
            )
        for item in entry.value.items:
            if not item.is_mapping:
                yield Violation(
                    position=item.position,
                    message=f"this location is {kind_of(item)}, not a mapping",
                    instead="Write '- location_name: NAME' and its settings below it",
                )


def _without_locations(root: Node, file: ConfigFile) -> Violation:
    for key, (message, instead) in _OTHER_FORMS.items():
        entry = root.entry(key)
        if entry is not None:
            return Violation(position=entry.key.position, message=message, instead=instead)
    for key in _INSTANCE_KEYS:
        entry = root.entry(key)
        if entry is not None:
            return Violation(
                position=entry.key.position,
                message=f"{key!r} belongs to an instance's dagster.yaml, not to {file.path}",
                instead="Move these settings to dagster.yaml, and list locations here",
            )
    return Violation(
        position=at_file(file),
        message="the file has no 'locations'",
        instead="Write 'locations:' and the list of code locations below it",
    )


def _is_raw_template(file: ConfigFile) -> bool:
    """Whether Jinja tags are what makes it unreadable: another rule reports that."""
    unreadable = file.parsed.syntax is not None or bool(file.parsed.broken)
    return unreadable and file.template_tag is not None and not file.rendered
