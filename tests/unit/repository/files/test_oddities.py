"""Each oddity that was seen in real files, in a small input of our own."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagstead.model.location import Kind
from dagstead.repository.files import ConfigFile, Project, TemplateValues, read_project
from dagstead.repository.rules.checking import check
from tests.support.official_verdicts import assert_same_verdict

_ETL = "  - location_name: etl\n    code_source:\n      package_name: etl\n"
GOOD = "locations:\n" + _ETL

TEXTS = {
    "byte order mark": "\ufeff" + GOOD,
    "two byte order marks": "\ufeff\ufeff" + GOOD,
    "carriage returns": GOOD.replace("\n", "\r\n"),
    "old line ends": GOOD.replace("\n", "\r"),
    "no final newline": GOOD.rstrip(),
    "soft hyphen": GOOD.replace("location_", "location\u00ad_"),
    "comment for a value": GOOD + "    build:\n      registry:  # ECR registry\n",
    "only comments": "# locations:\n#   - location_name: etl\n",
    "nothing": "",
    "only a mark": "\ufeff",
    "two documents": GOOD + "---\n" + GOOD,
    "end of document": GOOD + "...\n",
    "begin of document": "---\n" + GOOD,
    "directive": "%YAML 1.1\n---\n" + GOOD,
    "trailing spaces": "locations:   \n" + _ETL,
    "double spaces": GOOD.replace(": etl", ":  etl"),
    "colon in a value": GOOD.replace(": etl", ": etl:", 1),
    "colons in a value": "token: user: x\n" + GOOD,
    "tab": GOOD.replace("    code", "\tcode"),
    "tab before a comment": GOOD + "\t# comment\n",
    "tab after a value": GOOD.replace("etl\n", "etl\t\n"),
    "anchor": "locations:\n  - &a\n    location_name: etl\n  - <<: *a\n    location_name: b\n",
    "alias for an entry": "locations:\n  - &a\n    location_name: etl\n  - *a\n",
    "holder of anchors": "x: &a {image: i}\nlocations:\n  - {<<: *a, location_name: etl}\n",
    "list of merges": (
        "locations:\n  - {<<: [{image: a, attribute: c}, {image: b}], location_name: etl}\n"
    ),
    "merge of a text": "locations:\n  - {<<: text, location_name: etl}\n",
    "merge of itself": "&a\n<<: *a\nlocations: []\n",
    "list in itself": "locations: &a\n  - *a\n",
    "unknown alias": "locations: *nowhere\n",
    "two locations keys": GOOD + "locations:\n  - location_name: b\n",
    "two equal keys": GOOD + "    image: a\n    image: b\n",
    "last key is wrong": GOOD + "    image: a\n    image: 1\n",
    "first key is wrong": GOOD + "    image: 1\n    image: a\n",
    "tag": GOOD.replace(": etl", ": !env etl"),
    "tag of nothing": GOOD + "    image: !\n",
    "tag of nothing before a number": GOOD + "    image: ! 1\n",
    "tag of nothing before a list": GOOD + "    container_context: ! [a]\n",
    "number for an image": GOOD + "    image: 1\n",
    "list for an image": GOOD + "    image: [a]\n",
    "number for a queue": GOOD + "    agent_queue: 5\n",
    "number for a registry": GOOD + "    build: {registry: 5}\n",
    "list for a build": GOOD + "    build: [a]\n",
    "text for a context": GOOD + "    container_context: text\n",
    "text tag": GOOD.replace(": etl", ": !!str 1"),
    "binary": GOOD.replace(": etl", ": !!binary ZXRs", 1),
    "timestamp": GOOD.replace(": etl", ": 2024-01-01"),
    "explicit timestamp": GOOD.replace(": etl", ": !!timestamp 2024-01-01"),
    "set": "locations: !!set {a, b}\n",
    "number": GOOD.replace(": etl", ": 1_000"),
    "sexagesimal": GOOD.replace(": etl", ": 12:30:45"),
    "norway": GOOD.replace(": etl", ": no"),
    "empty octal": GOOD.replace(": etl", ": 0b_"),
    "list as key": "? [a]\n: b\nlocations: []\n",
    "mapping as key": "{a: b}: c\nlocations: []\n",
    "number as key": "locations:\n  - {location_name: etl, 1: a}\n",
    "number in context": "locations:\n  - {location_name: etl, container_context: {1: a}}\n",
    "deep number in context": (
        "locations:\n  - {location_name: etl, container_context: {k8s: {1: a}}}\n"
    ),
    "one location": "location_name: etl\ncode_source:\n  package_name: etl\n",
    "workspace": "load_from:\n  - python_file: a.py\n",
    "instance": "instance_class:\n  module: dagster_cloud.instance\n",
    "mapping of locations": "locations:\n  etl:\n    code_source: {package_name: etl}\n",
    "empty locations": "locations:\n",
    "no locations": "locations: []\n",
    "a text": "hello\n",
    "a list": "- location_name: etl\n",
    "template": GOOD.replace(": etl", ": {{ name }}"),
    "quoted template": GOOD.replace(": etl", ': "{{ name }}"'),
    "template block": "locations:\n{% for n in names %}\n  - location_name: x\n{% endfor %}\n",
    "template in a comment": "# {{ name }}\n" + GOOD,
    "control character": GOOD.replace("etl", "e\x01tl"),
    "line separator": GOOD.replace("etl", "e\u2028tl"),
    "next line": GOOD.replace(": etl", ": e\u0085tl"),
    "astral": GOOD.replace("etl", "e😀tl"),
    "block text": GOOD.replace(": etl", ": |\n      etl\n", 1),
    "name on two lines": GOOD.replace(": etl", ": etl\n      two", 1),
    "deep": "locations: " + "[" * 5000 + "]" * 5000 + "\n",
    "flow without spaces": "{locations: [{location_name: etl,code_source: {package_name: a}}]}",
    "quoted key": GOOD.replace("location_name", '"location_name"'),
    "question mark key": "? locations\n: - location_name: etl\n",
    "empty key": "locations:\n  - {location_name: etl, : a}\n",
}


def read(folder: Path, data: bytes, name: str = "dagster_cloud.yaml") -> Project:
    (folder / name).write_bytes(data)
    return read_project(folder)


def the_file(project: Project) -> ConfigFile:
    (file,) = project.files
    return file


@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_an_oddity_gets_the_official_verdict(text: str, tmp_path: Path) -> None:
    project = read(tmp_path, text.encode())

    assert_same_verdict(project, "dagster_cloud.yaml", text)
    assert the_file(project).source.encode() == text.encode()


@settings(max_examples=150)
@given(
    base=st.sampled_from(list(TEXTS.values())).filter(lambda text: 0 < len(text) < 1000),
    at=st.integers(0, 200),
    length=st.integers(0, 3),
    new=st.text(alphabet=" \t\n\r:-#{}[]&*!|>'\"%@`,?<=~éa1_\ufeff\u00a0\u2028", max_size=3),
)
def test_a_slip_of_the_hand_gets_the_official_verdict(
    tmp_path_factory: pytest.TempPathFactory, base: str, at: int, length: int, new: str
) -> None:
    at %= len(base)
    text = base[:at] + new + base[at + length :]
    project = read(tmp_path_factory.mktemp("project"), text.encode())

    assert_same_verdict(project, "dagster_cloud.yaml", text)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1", "cp1252"])
def test_another_encoding_is_refused_where_it_begins(encoding: str, tmp_path: Path) -> None:
    project = read(
        tmp_path,
        GOOD.replace("etl", "m€sli" if encoding == "cp1252" else "müsli").encode(encoding),
    )

    findings = check(project)
    assert findings
    assert findings[0].rule.form
    assert findings[0].position.line in {1, 2}


def test_positions_count_characters_not_bytes(tmp_path: Path) -> None:
    text = "\ufefflocations:\r\n  - {attribute: é😀, location_name: etl}\r\n"

    (location,) = read(tmp_path, text.encode()).locations

    assert str(location.position) == "dagster_cloud.yaml:2:36"
    assert location.position.end_column == 39


def test_duplicate_keys_are_found_with_both_places(tmp_path: Path) -> None:
    text = GOOD + "locations:\n  - location_name: b\n    code_source: {package_name: b}\n"

    (finding,) = check(read(tmp_path, text.encode()))

    assert finding.code == "DS201"
    assert finding.position.line == 5
    assert "line 1" in finding.found.message
    assert "'etl' is lost" in finding.found.message


def test_a_registry_with_a_comment_only_makes_no_hybrid_location(tmp_path: Path) -> None:
    text = TEXTS["comment for a value"]

    project = read(tmp_path, text.encode())

    assert [each.kind for each in project.locations] == [Kind.SERVERLESS]
    assert [each.code for each in check(project)] == ["DS233"]


def test_a_rendered_template_is_read_with_the_places_of_the_template(tmp_path: Path) -> None:
    template = (
        "# all of them\nlocations:\n{%- for name in names %}\n  - location_name: {{ name }}\n"
        "    code_source:\n      package_name: {{ name }}\n    agent_queue: default\n"
        "{%- endfor %}\n  - location_name: last\n    code_source: {package_name: '{{ who }}'}\n"
    )
    (tmp_path / "dagster_cloud.yaml").write_text(template, encoding="utf-8")
    values = TemplateValues(variables={"names": ["a", "b"], "who": "me"}, environment={})

    project = read_project(tmp_path, template_values=values)

    assert [(each.name.value, each.position.line) for each in project.locations] == [
        ("a", 4),
        ("b", 4),
        ("last", 9),
    ]
    assert {each.position.line for each in check(project) if each.code == "DS210"} == {7}


def test_a_template_cannot_reach_python(tmp_path: Path) -> None:
    template = "locations: {{ ''.__class__.__mro__[1].__subclasses__() }}\n"
    (tmp_path / "dagster_cloud.yaml").write_text(template, encoding="utf-8")

    project = read_project(tmp_path, template_values=TemplateValues(variables={}, environment={}))

    assert [each.code for each in check(project)] == ["DS120"]
