"""What a rule is, and what it finds."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from dagstead.model.nodes import Node
from dagstead.model.source import Edit, Position
from dagstead.repository.rules.evidence import Evidence


class Subject(StrEnum):
    """What a rule is about."""

    #: The configuration of locations and agents.
    PROJECT = "project"
    #: What CI does to locations.
    WORKFLOWS = "workflows"


class Severity(StrEnum):
    """How bad it is."""

    #: A deploy fails, or does something else than what is written.
    ERROR = "error"
    #: It works, and is probably not what is meant.
    WARNING = "warning"


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation:
    """One place where a rule is broken."""

    position: Position
    #: What is wrong, with the value: one sentence without a full stop.
    message: str
    #: What to write instead: one sentence without a full stop.
    instead: str
    #: Edits of that file which put it right and change nothing that works. Empty when only a
    #: person can decide.
    edits: tuple[Edit, ...] = ()
    #: Where it is less bad than the rule says, as nothing certainly fails.
    severity: Severity | None = None

    @property
    def sentences(self) -> str:
        """The message and the advice, each ended."""
        return f"{self.message}. {self.advice}"

    @property
    def advice(self) -> str:
        """What to write instead, ended."""
        return self.instead if self.instead.endswith("?") else f"{self.instead}."


Check = Callable[[Evidence], Iterator[Violation]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One thing that can be wrong."""

    #: ``DS`` or ``DW`` and three digits; never used again for something else.
    code: str
    #: In words, with hyphens.
    name: str
    subject: Subject
    severity: Severity
    #: One sentence: what must be.
    title: str
    #: Why, for the rule's page.
    reason: str
    #: Files that break this rule and no other: paths and texts.
    bad: Mapping[str, str] = field(repr=False)
    #: The same, put right.
    good: Mapping[str, str] = field(repr=False)
    #: Whether the official command line refuses such a file. A file without findings of these
    #: rules is one that it accepts.
    form: bool
    #: Whether ``--fix`` can put it right, at least sometimes.
    fixable: bool
    #: What the examples are rendered with, when they are templates; ``None`` reads them as is.
    variables: Mapping[str, str] | None
    check: Check = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What a rule found, with the rule."""

    rule: Rule = field(repr=False)
    found: Violation

    @property
    def code(self) -> str:
        """The code of the rule."""
        return self.rule.code

    @property
    def severity(self) -> Severity:
        """How bad this place is: as the rule says, unless the place itself is less bad."""
        return self.found.severity or self.rule.severity

    @property
    def position(self) -> Position:
        """The place."""
        return self.found.position


View = TypeVar("View")


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleMaker(Generic[View]):
    """Makes rules of functions that look at one part of the evidence."""

    subject: Subject
    view: Callable[[Evidence], View]

    def __call__(  # noqa: PLR0913 - a rule says all about itself in one place
        self,
        code: str,
        name: str,
        *,
        bad: Mapping[str, str] | str,
        good: Mapping[str, str] | str,
        reason: str,
        severity: Severity = Severity.ERROR,
        form: bool = False,
        fixable: bool = False,
        variables: Mapping[str, str] | None = None,
    ) -> Callable[[Callable[[View], Iterator[Violation]]], Rule]:
        """Make a function a rule. Its docstring is the title.

        An example that is one text is a ``dagster_cloud.yaml``.
        """

        def make(find: Callable[[View], Iterator[Violation]]) -> Rule:
            return Rule(
                code=code,
                name=name,
                subject=self.subject,
                severity=severity,
                title=" ".join((find.__doc__ or "").split()),
                reason=textwrap.dedent(reason).strip(),
                bad=_files(bad),
                good=_files(good),
                form=form,
                fixable=fixable,
                variables=variables,
                check=lambda evidence: find(self.view(evidence)),
            )

        return make


#: A rule about the configuration of a project.
rule = RuleMaker(subject=Subject.PROJECT, view=lambda evidence: evidence.project)
#: A rule about the configuration of a project, which looks at what workflows do with it.
evidence_rule = RuleMaker(subject=Subject.PROJECT, view=lambda evidence: evidence)
#: A rule about what workflows do.
workflow_rule = RuleMaker(subject=Subject.WORKFLOWS, view=lambda evidence: evidence.inspection)
#: A rule about what workflows do, which looks at the project, too.
workflow_evidence_rule = RuleMaker(subject=Subject.WORKFLOWS, view=lambda evidence: evidence)
#: A rule about how the queues of agents are written.
agent_rule = RuleMaker(subject=Subject.PROJECT, view=lambda evidence: evidence.slips)

#: A rule about which agents run the locations.
routing_rule = RuleMaker(subject=Subject.PROJECT, view=lambda evidence: evidence)


def replacing(node: Node, old: str, new: str) -> tuple[Edit, ...]:
    """The edit that replaces a part of what is written; none where that is not one clear place."""
    written = node.source.text[node.start : node.end]
    if node.source.line_map or written.count(old) != 1:
        return ()
    start = node.start + written.index(old)
    return (Edit(start=start, end=start + len(old), text=new),)


def _files(example: Mapping[str, str] | str) -> Mapping[str, str]:
    files = {"dagster_cloud.yaml": example} if isinstance(example, str) else example
    return {path: textwrap.dedent(text).lstrip("\n") for path, text in files.items()}
