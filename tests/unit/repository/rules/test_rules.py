"""Every rule finds its bad example, and nothing else does; its good example is clean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from dagstead.repository import rules
from dagstead.repository.files import Project, TemplateValues, read_project
from dagstead.repository.rules.base import Rule
from dagstead.repository.rules.checking import check, fixed, write
from dagstead.repository.rules.registry import all_rules
from dagstead.repository.rules.rule_pages import rule_page, rule_pages


def written(folder: Path, files: Mapping[str, str]) -> Path:
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        # A lone surrogate in an example stands for a byte that is not UTF-8.
        target.write_bytes(text.encode("utf-8", errors="surrogateescape"))
    return folder


def read(folder: Path, rule: Rule) -> Project:
    values = rule.variables
    given = None if values is None else TemplateValues(variables=values, environment={})
    return read_project(folder, template_values=given)


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)
def test_the_bad_example_breaks_exactly_this_rule(rule: Rule, tmp_path: Path) -> None:
    findings = check(read(written(tmp_path, rule.bad), rule))

    assert {each.code for each in findings} == {rule.code}, findings
    assert rule.fixable or not any(each.found.edits for each in findings), "say fixable=True"
    for each in findings:
        assert each.position.file in rule.bad
        assert each.position.line >= 1
        assert each.position.column >= 1
        assert each.found.message
        assert each.found.instead


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)
def test_the_good_example_breaks_none(rule: Rule, tmp_path: Path) -> None:
    assert check(read(written(tmp_path, rule.good), rule)) == ()


@pytest.mark.parametrize(
    "rule", [each for each in all_rules() if each.fixable], ids=lambda rule: rule.code
)
def test_a_fix_leaves_nothing_of_its_rule(rule: Rule, tmp_path: Path) -> None:
    root = written(tmp_path, rule.bad)
    findings = check(read(root, rule))

    changed = fixed(read(root, rule), findings)
    write(root, changed)

    assert rule.code not in {each.code for each in check(read(root, rule))}


def test_codes_and_names_are_unique_and_in_order() -> None:
    codes = [each.code for each in all_rules()]

    assert codes == sorted(set(codes))
    assert len({each.name for each in all_rules()}) == len(codes)


@pytest.fixture(scope="module")
def pages() -> Mapping[str, str]:
    return rule_pages(all_rules())


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)
def test_a_rule_has_a_page_examples_and_a_group(rule: Rule, pages: Mapping[str, str]) -> None:
    assert rule.title
    assert rule.reason
    assert rule.bad
    assert rule.good
    assert rule.bad != rule.good
    assert pages[f"{rule.code}.md"] == rule_page(rule)
    assert pages["index.md"].count(f"| [{rule.code}]({rule.code}.md) |") == 1


def test_every_module_of_rules_is_in_the_registry() -> None:
    folder = Path(rules.__file__).parent
    named = {
        code
        for path in folder.rglob("*.py")
        for code in re.findall(r'rule\(\s*"(D[SW]\d+)"', path.read_text(encoding="utf-8"))
    }

    assert named == {each.code for each in all_rules()}


def test_the_chart_of_this_project_may_be_set_as_people_write_it(tmp_path: Path) -> None:
    line = "helm install eu charts/dagstead-agent --set dagsterCloud.agentQueues[0]=hybrid\n"
    (tmp_path / "install.sh").write_text(line, encoding="utf-8")
    assert not check(read_project(tmp_path))

    (tmp_path / "other.sh").write_text(line.replace("dagstead", "dagster-cloud"), encoding="utf-8")
    assert [each.code for each in check(read_project(tmp_path))] == ["DS403"]


def test_a_dg_project_needs_no_dockerfile_as_each_tool_makes_one(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\n'
        'root_module = "buoy"\n',
        "build.yaml": "registry: registry.example.com/buoy\n",
        "buoy/definitions.py": "",
    }

    assert check(read_project(written(tmp_path, files)), all_rules()) == ()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("infra/agent-stack.yaml", "Resources:\n  Agent: !Sub 'DagsterCloudAgentInstance'\n"),
        ("agents/dagster.yaml", "instance_class: {class: DagsterCloudAgentInstance}\nx: [\n"),
        ("charts/values-dagster.yaml", "dagsterCloud: !Ref x\n"),
        ("ops/dagster_cloud.yaml", "storage: !Ref x\nrun_launcher: {}\n"),
        ("ci/build.yaml", "directory: !Join [a]\n"),
        ("lib/container_context.yaml", "k8s: !Ref x\n"),
    ],
)
def test_the_form_of_other_tools_files_is_theirs(tmp_path: Path, path: str, text: str) -> None:
    entry = "  - location_name: a\n    code_source: {module_name: a}\n"
    files = {"dagster_cloud.yaml": f"locations:\n{entry}", path: text}

    findings = check(read_project(written(tmp_path, files)), all_rules())

    assert [each.code for each in findings if each.code.startswith("DS1")] == []
