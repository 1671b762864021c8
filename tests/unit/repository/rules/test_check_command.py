"""``dagstead check``: exit codes, formats, fixes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dagstead.repository.rules.registry import all_rules
from dagstead.repository.rules.rule_pages import rule_pages
from tests.support.commands import run_here
from tests.support.environments import REPOSITORY

GOOD = "locations:\n  - location_name: etl\n    code_source:\n      package_name: etl\n"
WARNED = GOOD.replace("etl\n    c", "etl\n    agent_queue: hybrid\n    c")
BAD = (
    "# ours\r\nlocations:\r\n  - location-name: etl  # the one\r\n"
    '    code_source: {package_name: etl}\r\n    image: "a,b%:c"\r\n    agent_queue: " default"'
)


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return run_here("check", *arguments, cwd=cwd, variables=environment)


def project(folder: Path, text: str) -> Path:
    (folder / "dagster_cloud.yaml").write_bytes(text.encode())
    return folder


@pytest.mark.parametrize(
    ("text", "flags", "code"),
    [
        (GOOD, [], 0),
        (WARNED, [], 0),
        (WARNED, ["--strict"], 1),
        (WARNED, ["--strict", "--ignore", "DS213"], 0),
        (BAD, [], 1),
        (BAD, ["--select", "DS3"], 0),
        (BAD, ["--select", "DS9"], 2),
        (BAD, ["--var", "nothing"], 2),
    ],
)
def test_exit_codes(text: str, flags: list[str], code: int, tmp_path: Path) -> None:
    done = run(*flags, cwd=project(tmp_path, text))

    assert done.returncode == code, done
    assert "Traceback" not in done.stderr


def test_a_folder_without_configuration_is_a_mistake(tmp_path: Path) -> None:
    done = run(cwd=tmp_path)

    assert done.returncode == 2
    assert "no Dagster configuration" in done.stderr
    assert done.stdout == ""


def test_text_is_a_line_for_each_finding_in_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    project(tmp_path / "sub", BAD)

    done = run("sub", cwd=tmp_path)

    lines = done.stdout.splitlines()
    assert lines[0].startswith("sub/dagster_cloud.yaml:3:5: error DS110 'location-name'")
    assert all(line.startswith("sub/dagster_cloud.yaml:") for line in lines)
    assert "\x1b" not in done.stdout
    assert "--fix" in done.stderr


def test_json_holds_every_place(tmp_path: Path) -> None:
    report = json.loads(run("--format", "json", cwd=project(tmp_path, BAD)).stdout)

    first = report["findings"][0]
    assert (first["code"], first["line"], first["column"]) == ("DS110", 3, 5)
    assert (first["end_line"], first["end_column"], first["fixable"]) == (3, 18, True)
    assert report["errors"] == len(report["findings"])


def test_sarif_names_rules_and_places(tmp_path: Path) -> None:
    done = run("--format", "sarif", cwd=project(tmp_path, BAD))

    report: dict[str, Any] = json.loads(done.stdout)
    (only,) = report["runs"]
    rules = only["tool"]["driver"]["rules"]
    assert report["version"] == "2.1.0"
    assert [each["id"] for each in rules] == [each.code for each in all_rules()]
    for result in only["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        (place,) = result["locations"]
        assert place["physicalLocation"]["artifactLocation"]["uri"] == "dagster_cloud.yaml"
        assert place["physicalLocation"]["region"]["startLine"] == 3


def test_github_annotations_are_relative_to_the_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "sub").mkdir()
    project(
        tmp_path / "sub", GOOD.replace("package_name: etl", 'package_name: "a%\\nb"\n      x: 1')
    )

    done = run("--format", "github", cwd=tmp_path / "sub")

    assert done.stdout.startswith("::error file=sub/dagster_cloud.yaml,line=")
    assert all(line.startswith("::") for line in done.stdout.splitlines())
    assert "title=DS1" in done.stdout


def test_a_fix_changes_what_it_must_and_no_other_byte(tmp_path: Path) -> None:
    folder = project(tmp_path, BAD)

    done = run("--fix", "--select", "DS110", cwd=folder)

    assert done.returncode == 0, done
    written = (folder / "dagster_cloud.yaml").read_bytes().decode()
    assert written == BAD.replace("location-name", "location_name")
    assert [each.name for each in folder.iterdir()] == ["dagster_cloud.yaml"]


def test_nothing_is_written_without_the_flag(tmp_path: Path) -> None:
    folder = project(tmp_path, BAD)

    run(cwd=folder)

    assert (folder / "dagster_cloud.yaml").read_bytes() == BAD.encode()


def test_a_template_is_checked_with_given_values(tmp_path: Path) -> None:
    folder = project(tmp_path, GOOD.replace("name: etl", "name: {{ name }}"))
    (folder / "given.yaml").write_text("name: etl\n", encoding="utf-8")

    assert run(cwd=folder).returncode == 1
    assert run("--var", "name=etl", cwd=folder).returncode == 0
    assert run("--values", "given.yaml", cwd=folder).returncode == 0


def test_a_rule_explains_itself(tmp_path: Path) -> None:
    done = run("--explain", "ds210", cwd=tmp_path)

    assert done.returncode == 0
    assert done.stdout.startswith("# DS210: queue-named-default")


def test_the_pages_of_the_rules_are_current() -> None:
    folder = REPOSITORY / "docs" / "rules"
    kept = {each.name: each.read_text(encoding="utf-8") for each in folder.glob("*.md")}

    assert kept == rule_pages(all_rules()), "Run `make rules`."
