"""Findings for programs: JSON, SARIF for code scanning, and annotations of GitHub Actions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from dagstead.project.rules.base import Finding, Rule, Severity

_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_json(findings: Sequence[Finding], *, prefix: str = "") -> str:
    """An object with ``findings`` and the number of errors and warnings.

    ``prefix`` is put before the paths of files, which are relative to the project.
    """
    listed = [
        {
            "code": each.code,
            "name": each.rule.name,
            "severity": str(each.severity),
            "file": prefix + each.position.file,
            "line": each.position.line,
            "column": each.position.column,
            "end_line": each.position.end_line,
            "end_column": each.position.end_column,
            "message": each.found.message,
            "instead": each.found.instead,
            "fixable": bool(each.found.edits),
        }
        for each in findings
    ]
    return json.dumps({"findings": listed, **counts(findings)}, indent=2, ensure_ascii=False)


def counts(findings: Sequence[Finding]) -> dict[str, int]:
    """How many errors and warnings there are."""
    errors = sum(each.severity is Severity.ERROR for each in findings)
    return {"errors": errors, "warnings": len(findings) - errors}


def as_github(findings: Sequence[Finding], *, prefix: str = "") -> str:
    """Workflow commands: GitHub shows each beside its line in a pull request."""
    lines = []
    for each in findings:
        place = each.position
        properties = {
            "file": prefix + place.file,
            "line": place.line,
            "col": place.column,
            "endLine": place.end_line,
            "endColumn": place.end_column,
            "title": f"{each.code} {each.rule.name}",
        }
        if place.end_line != place.line:
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
    place = finding.position
    region = {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    }
    location = {
        "physicalLocation": {
            "artifactLocation": {"uri": prefix + place.file},
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
