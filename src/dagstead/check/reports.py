"""Findings for programs: JSON, SARIF for code scanning, and annotations of GitHub Actions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from dagstead.repository.files.places import file_of, place
from dagstead.repository.rules.base import Finding, Rule, Severity

_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_json(findings: Sequence[Finding], *, prefix: str = "", **more: Any) -> str:
    """An object with ``findings``, the number of errors and warnings, and what else is given.

    ``prefix`` is put before the paths of files, which are relative to the project.
    """
    listed = [
        {
            "code": each.code,
            "name": each.rule.name,
            "severity": str(each.severity),
            **place(prefix, each.position),
            "message": each.found.message,
            "instead": each.found.instead,
            "fixable": bool(each.found.edits),
        }
        for each in findings
    ]
    whole = {**more, "findings": listed, **counts(findings)}
    return json.dumps(whole, indent=2, ensure_ascii=False)


def counts(findings: Sequence[Finding]) -> dict[str, int]:
    """How many errors and warnings there are."""
    errors = sum(each.severity is Severity.ERROR for each in findings)
    return {"errors": errors, "warnings": len(findings) - errors}


def as_github(findings: Sequence[Finding], *, prefix: str = "") -> str:
    """Workflow commands: GitHub shows each beside its line in a pull request."""
    lines = []
    for each in findings:
        at = each.position
        properties = {
            "file": file_of(prefix, at),
            "line": at.line,
            "col": at.column,
            "endLine": at.end_line,
            "endColumn": at.end_column,
            "title": f"{each.code} {each.rule.name}",
        }
        if at.end_line != at.line:
            # GitHub takes columns only for a stretch of one line.
            del properties["col"], properties["endColumn"]
        written = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
        text = _data(each.found.sentences)
        lines.append(f"::{each.severity} {written}::{text}")
    return "\n".join(lines)


def as_sarif(
    findings: Sequence[Finding], rules: Sequence[Rule], *, version: str, prefix: str = ""
) -> str:
    """SARIF 2.1.0, with the rules that were run."""
    index = {each.code: number for number, each in enumerate(rules)}
    driver = {
        "name": "dagstead",
        "version": version,
        "rules": [
            {
                "id": each.code,
                "name": each.name,
                "shortDescription": {"text": each.title},
                "fullDescription": {"text": " ".join(each.reason.split())},
                "defaultConfiguration": {"level": str(each.severity)},
            }
            for each in rules
        ],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, index[each.code], prefix) for each in findings],
    }
    return json.dumps(
        {"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False
    )


def _result(finding: Finding, rule_index: int, prefix: str) -> dict[str, Any]:
    at = finding.position
    region = {
        "startLine": at.line,
        "startColumn": at.column,
        "endLine": at.end_line,
        "endColumn": at.end_column,
    }
    location = {
        "physicalLocation": {
            "artifactLocation": {"uri": file_of(prefix, at)},
            "region": region,
        }
    }
    return {
        "ruleId": finding.code,
        "ruleIndex": rule_index,
        "level": str(finding.severity),
        "message": {"text": finding.found.sentences},
        "locations": [location],
    }


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
