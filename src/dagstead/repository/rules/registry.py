"""All rules, by their codes: what the commands run, the pages show and the tests try."""

from __future__ import annotations

from functools import cache
from types import ModuleType

from dagstead.repository.rules import (
    agents,
    build_folders,
    dg_files,
    form,
    loss,
    modules,
    packages,
    paths,
    platforms,
    pythons,
    queues,
    reading,
    registries,
    serving,
    settings,
    templates,
)
from dagstead.repository.rules.base import Rule, Subject
from dagstead.repository.rules.workflows import (
    branches,
    commands,
    control_plane,
    deploys,
    filters,
    folders,
    images,
    mixtures,
    references,
    scripts,
    security,
    sessions,
    strategies,
)
from dagstead.repository.rules.workflows import reading as workflow_reading

#: A rule is in the registry when its module is here.
_MODULES: tuple[ModuleType, ...] = (
    agents,
    branches,
    build_folders,
    commands,
    control_plane,
    deploys,
    dg_files,
    filters,
    folders,
    images,
    form,
    loss,
    modules,
    packages,
    mixtures,
    paths,
    platforms,
    pythons,
    queues,
    reading,
    references,
    registries,
    scripts,
    security,
    serving,
    sessions,
    settings,
    strategies,
    templates,
    workflow_reading,
)


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule, in the order of the codes."""
    found = (
        value for module in _MODULES for value in vars(module).values() if isinstance(value, Rule)
    )
    return tuple(sorted(found, key=lambda rule: rule.code))


def rules_about(subject: Subject) -> tuple[Rule, ...]:
    """The rules about one subject, in the order of the codes."""
    return tuple(rule for rule in all_rules() if rule.subject is subject)
