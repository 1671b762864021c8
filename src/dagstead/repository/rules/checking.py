"""``check`` and ``fix``: run rules over a project."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from dagstead.model.source import Edit, SourceText
from dagstead.repository.files.project import Project
from dagstead.repository.rules.base import Finding, Rule, Severity
from dagstead.repository.rules.evidence import Evidence


def check(project: Project, rules: Iterable[Rule] | None = None) -> tuple[Finding, ...]:
    """What is wrong in a project and its workflows, in the order of files and lines."""
    if rules is None:
        from dagstead.repository.rules.registry import all_rules  # noqa: PLC0415 - slow to import

        rules = all_rules()
    return judge(Evidence(project=project), rules)


def judge(evidence: Evidence, rules: Iterable[Rule]) -> tuple[Finding, ...]:
    """What some rules find, in the order of files and lines."""
    findings = [Finding(rule=rule, found=found) for rule in rules for found in rule.check(evidence)]
    repeated = evidence.project.repeated
    # What is deployed from another file fails there, or not at all.
    said = [
        each
        for each in findings
        if each.severity is not Severity.ERROR or each.position.file not in repeated
    ]
    return tuple(sorted(said, key=lambda each: (each.position, each.code)))


def has_errors(findings: Iterable[Finding]) -> bool:
    """Whether anything in it is more than a warning."""
    return any(each.severity is Severity.ERROR for each in findings)


def fixed(project: Project, findings: Sequence[Finding]) -> tuple[SourceText, ...]:
    """The texts of the files that safe fixes change. Every character beside them stays."""
    edits: dict[str, list[Edit]] = defaultdict(list)
    for each in findings:
        edits[each.position.file] += each.found.edits
    changed = []
    for path, of_file in edits.items():
        file = project.file(path)
        if file is not None and of_file:
            changed.append(file.source.edited(of_file))
    return tuple(changed)


def write(root: Path, sources: Iterable[SourceText]) -> None:
    """Write changed files. A file is replaced as a whole, so that no half of one is left."""
    for source in sources:
        path = (root / source.file).resolve()
        temporary = path.with_name(f".{path.name}.dagstead")
        temporary.write_bytes(source.encode())
        temporary.chmod(path.stat().st_mode)
        temporary.replace(path)
