"""DS12x and DS22x: Jinja templates and ``defaults``, which few official commands apply."""

from __future__ import annotations

from collections.abc import Iterator

from dagstead.repository.files.project import ConfigFile, Project
from dagstead.repository.rules.base import Severity, Violation, rule
from dagstead.repository.rules.visit import cloud_files, roots, unique_entries


@rule(
    "DS120",
    "unreadable-template",
    form=True,
    reason="""
        Only `dagster-cloud ci template` renders Jinja. `ci init`, `ci deploy` and the others read
        the file as it is, and a tag that is not inside quotes makes it something else than the YAML
        that it looks like.
        """,
    bad="""
        locations:
          - location_name: {{ name }}
            code_source:
              package_name: etl
        """,
    good="""
        locations:
          - location_name: etl
            code_source:
              package_name: etl
        """,
)
def unreadable_template(project: Project) -> Iterator[Violation]:
    """A file that is deployed as it is can be read as it is."""
    for file in cloud_files(project):
        problem = file.template_problem
        if problem is not None:
            yield Violation(
                position=file.source.position(problem.start, problem.end),
                message=f"the template cannot be rendered: {problem.message}",
                instead="Correct the template, or give the values that it needs",
            )
        elif _is_template(file) and (file.parsed.syntax or file.parsed.broken):
            yield Violation(
                position=file.source.position(*(file.template_tag or (0, 0))),
                message="this is a Jinja template, which is not YAML until it is rendered",
                instead="Deploy what 'dagster-cloud ci template' renders, or write plain YAML; "
                "'dagstead check --var NAME=VALUE' checks the rendered file",
            )


@rule(
    "DS220",
    "template-not-rendered",
    severity=Severity.WARNING,
    reason="""
        Only `dagster-cloud ci template` renders Jinja. Inside quotes the file is valid YAML, and
        the other commands deploy the text `{{ … }}` itself.
        """,
    bad="""
        locations:
          - location_name: etl
            code_source:
              package_name: "{{ package }}"
        """,
    good="""
        locations:
          - location_name: etl
            code_source:
              package_name: etl
        """,
)
def template_not_rendered(project: Project) -> Iterator[Violation]:
    """A template is rendered before it is deployed."""
    for file in cloud_files(project):
        readable = not (file.parsed.syntax or file.parsed.broken)
        if _is_template(file) and readable and not file.template_problem:
            yield Violation(
                position=file.source.position(*(file.template_tag or (0, 0))),
                message="this is a Jinja template, and 'ci init' and 'ci deploy' do not render it",
                instead="Deploy what 'dagster-cloud ci template' renders; "
                "'dagstead check --var NAME=VALUE' checks the rendered file",
            )


@rule(
    "DS221",
    "defaults-ignored",
    severity=Severity.WARNING,
    reason="""
        The official schema has `defaults`, and `dagster-cloud ci template` merges them into each
        location. `ci init`, `ci set-build-output` and `ci deploy` do not: a queue in `defaults` is
        dropped, the location goes to the default queue, and nothing says so. With a registry there,
        `set-build-output` fails with "No build:registry: defined". Dagstead's own commands merge
        them.
        """,
    bad={
        "dagster_cloud.yaml": """
            defaults:
              working_directory: src
            locations:
              - location_name: etl
                code_source:
                  package_name: etl
            """,
    },
    good={
        "dagster_cloud.yaml": """
            locations:
              - location_name: etl
                code_source:
                  package_name: etl
                working_directory: src
            """,
    },
)
def defaults_ignored(project: Project) -> Iterator[Violation]:
    """What a location needs is written in its own entry."""
    for root in roots(project):
        defaults = root.get("defaults")
        for entry in () if defaults is None else unique_entries(defaults):
            if not entry.value.is_null:
                yield Violation(
                    position=entry.key.position,
                    message=f"'ci init' and 'ci deploy' ignore defaults.{entry.key.value}",
                    instead=f"Write {entry.key.value} in each location, or deploy what "
                    "'dagster-cloud ci template' renders",
                )


@rule(
    "DS222",
    "template-value-missing",
    severity=Severity.WARNING,
    reason="""
        A variable that is not given is rendered as nothing: the location gets an empty name, image
        or queue. This is found only when values are given to `dagstead check`; without any, the
        file is read as the deploy commands read it.
        """,
    bad="""
        locations:
          - location_name: etl
            code_source:
              package_name: "{{ package }}{{ suffix }}"
        """,
    good="""
        locations:
          - location_name: etl
            code_source:
              package_name: "{{ package }}"
        """,
    variables={"package": "etl"},
)
def template_value_missing(project: Project) -> Iterator[Violation]:
    """Every variable of a template that is rendered has a value."""
    for file in cloud_files(project):
        for name in file.template_missing:
            start = max(file.source.text.find(name), 0)
            yield Violation(
                position=file.source.position(start, start + len(name)),
                message=f"the template uses {name!r}, and no value is given for it",
                instead=f"Give one: --var {name}=VALUE",
            )


def _is_template(file: ConfigFile) -> bool:
    return file.template_tag is not None and not file.rendered
