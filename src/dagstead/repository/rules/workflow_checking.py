"""Run the rules over an inspection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from types import ModuleType

from dagstead.model.families import Family
from dagstead.repository.ci.inspection import Inspection
from dagstead.repository.files import Project
from dagstead.repository.files.project import ConfigFile
from dagstead.repository.files.yaml_reader import read_yaml
from dagstead.repository.rules import workflow_lines as line_rules
from dagstead.repository.rules.base import Finding, Rule
from dagstead.repository.rules.workflows import (
    control_plane,
    deploys,
    filters,
    reading,
    references,
    security,
    sessions,
    strategies,
)
from dagstead.repository.rules.workflows.base import WorkflowRule

_MODULES: tuple[ModuleType, ...] = (
    reading,
    deploys,
    filters,
    strategies,
    references,
    sessions,
    control_plane,
    security,
)
#: A rule that says more than one of ``dagstead check`` about the same place.
_SAYS_MORE = {"DS503": "DW152"}
#: DS501 goes by single lines; DW130 and DW132 know which locations a session has.
_LEFT_OUT = frozenset({"DS501"})


def workflow_rules() -> tuple[WorkflowRule, ...]:
    """Every rule about workflows and locations together, in the order of the codes."""
    found = [
        each
        for module in _MODULES
        for each in vars(module).values()
        if isinstance(each, WorkflowRule)
    ]
    return tuple(sorted(found, key=lambda each: each.rule.code))


def inspection_rules() -> tuple[Rule, ...]:
    """Those rules and the ones of ``dagstead check`` about workflows, by their codes."""
    lines = [each for each in vars(line_rules).values() if isinstance(each, Rule)]
    kept = [each for each in lines if each.code not in _LEFT_OUT]
    every = [*kept, *(each.rule for each in workflow_rules())]
    return tuple(sorted(every, key=lambda each: each.code))


def examine(inspection: Inspection, rules: Iterable[Rule] | None = None) -> tuple[Finding, ...]:
    """What is wrong in workflows, in the order of files and lines."""
    chosen = tuple(inspection_rules() if rules is None else rules)
    examined = {each.rule.code: each.examine for each in workflow_rules()}
    project = _with_workflows(inspection)
    findings = [
        Finding(rule=rule, found=found)
        for rule in chosen
        for found in (
            examined[rule.code](inspection) if rule.code in examined else rule.check(project)
        )
    ]
    return tuple(sorted(_not_twice(findings), key=lambda each: (each.position, each.code)))


def _not_twice(findings: Iterable[Finding]) -> Iterator[Finding]:
    every = list(findings)
    said = {(each.code, each.position) for each in every}
    for each in every:
        if (_SAYS_MORE.get(each.code), each.position) not in said:
            yield each


def _with_workflows(inspection: Inspection) -> Project:
    """The project with the workflows that CI runs, and no other: a template in a folder is none."""
    project = inspection.project
    others = tuple(each for each in project.files if each.family is Family.CLOUD)
    workflows = tuple(
        ConfigFile(
            path=each.source.file,
            family=Family.WORKFLOW,
            source=each.source,
            parsed=read_yaml(each.source),
        )
        for each in inspection.files.workflows
    )
    return replace(project, files=(*others, *workflows))
