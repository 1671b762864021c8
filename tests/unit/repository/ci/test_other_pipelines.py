"""Commands in files of other CI systems name what is deployed, as commands of scripts do."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagstead.model.source import SourceText
from dagstead.repository.ci.other_pipelines import InnerScript, inner_scripts
from tests.unit.repository.ci.test_naming import FILES, read
from tests.unit.repository.files.test_deployed import names

_INIT = "dagster-cloud ci init --project-dir ship --deployment prod"
_HERE = "dagster-cloud ci init --deployment prod"
_CIRCLE = ".circleci/config.yml"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("Jenkinsfile", f"sh '{_INIT}'\n"),
        ("Jenkinsfile", f'node {{ sh("{_INIT}") }}\n'),
        ("Jenkinsfile", f"steps {{\n  sh '''\n    set -e\n    {_INIT}\n  '''\n}}\n"),
        ("Jenkinsfile", f'steps {{\n  sh """\n    cd .\n    {_INIT}\n  """\n}}\n'),
        ("Jenkinsfile", f"sh label: 'go', script: '{_INIT}'\n"),
        ("Jenkinsfile.prod", f"dir('ship') {{\n  sh '{_HERE}'\n}}\n"),
        (_CIRCLE, f"jobs: {{ship: {{steps: [{{run: {_INIT}}}]}}}}\n"),
        (_CIRCLE, f"jobs: {{ship: {{steps: [{{run: {{name: go, command: '{_INIT}'}}}}]}}}}\n"),
        (_CIRCLE, f"jobs: {{ship: {{working_directory: ship, steps: [{{run: {_HERE}}}]}}}}\n"),
        (".buildkite/pipeline.yml", f"steps:\n  - commands: [cd ., {_INIT}]\n"),
        ("azure-pipelines.yml", f"steps:\n  - bash: |\n      cd .\n      {_INIT}\n"),
        ("bitbucket-pipelines.yml", f"pipelines: {{default: [{{step: {{script: [{_INIT}]}}}}]}}\n"),
        ("buildspec.yml", f"phases: {{build: {{commands: [{_INIT}]}}}}\n"),
    ],
)
def test_a_file_that_another_ci_system_deploys_counts(path: str, text: str, tmp_path: Path) -> None:
    assert names(read(tmp_path, FILES, {path: text})) == ["pier", "deck"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("Jenkinsfile", f"// sh '{_INIT}'\n"),
        ("Jenkinsfile", f"/* sh '{_INIT}' */\n"),
        ("Jenkinsfile", f"echo '{_INIT}'\n"),
        ("Jenkinsfile", "dir('hull') { sh 'true' }\nsh 'dagster-cloud ci init'\n"),
        (_CIRCLE, f"jobs: {{ship: {{steps: [{{run: {{name: {_INIT}, command: ls}}}}]}}}}\n"),
        (_CIRCLE, f"# {_INIT}\n"),
        ("config.yml", f"run: {_INIT}\n"),
    ],
)
def test_what_is_not_run_names_nothing(path: str, text: str, tmp_path: Path) -> None:
    assert names(read(tmp_path, FILES, {path: text})) == ["pier"]


def test_folders_of_blocks_hold_inside_of_them() -> None:
    text = 'dir("a") {\n  sh \'one\'\n  dir("$B") { sh "two" }\n}\nsh \'it\\\'s "three"\'\n}\n'

    found = list(inner_scripts(SourceText(file="Jenkinsfile", text=text)))

    assert found == [
        InnerScript("one", "a"),
        InnerScript("two", None),
        InnerScript('it\'s "three"', ""),
    ]


def test_dg_is_called_where_the_pipeline_says(tmp_path: Path) -> None:
    text = "dir('hull') { sh 'dg plus deploy --deployment prod' }\n"

    assert names(read(tmp_path, FILES, {"Jenkinsfile": text})) == ["hull"]
