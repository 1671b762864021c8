"""What of a folder is read, and how locations come out of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagstead.errors import InvalidInputError
from dagstead.model.location import Kind
from dagstead.model.source import Edit, SourceText
from dagstead.repository.files import read_project
from dagstead.repository.files.classify import classify
from dagstead.repository.files.toml_reader import read_toml
from dagstead.repository.files.yaml_reader import read_yaml
from tests.support.git import git


def location(name: str, more: str = "") -> str:
    return f"locations:\n  - location_name: {name}\n    code_source: {{package_name: a}}\n{more}"


def written(folder: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def names(folder: Path) -> list[str]:
    return [each.name.value for each in read_project(folder).locations]


def test_every_name_of_the_file_is_known(tmp_path: Path) -> None:
    files = {
        "a/dagster_cloud.yaml": location("a"),
        "b/dagster-cloud.yaml": location("b"),
        "c/dagster_cloud.yml": location("c"),
        "d/dagster_cloud_dev.yaml": location("d"),
        "d/dagster_cloud_prod.yaml": location("d", "    agent_queue: prod\n"),
        "e/.dagster/home/dagster-cloud.yaml": location("e"),
    }

    project = read_project(written(tmp_path, files))

    assert [each.name.value for each in project.locations] == ["a", "b", "c", "d", "e"]
    chosen = project.location("d")
    assert chosen is not None
    assert (chosen.variant, chosen.queue_name) == ("prod", "prod")
    assert len(project.definitions) == 6


def test_what_git_ignores_and_tools_install_is_left_out(tmp_path: Path) -> None:
    files = {
        "top/dagster_cloud.yaml": location("root"),
        ".gitignore": "out/\n*.gen/\n!kept.gen/\n/dagster_cloud_local.yaml\n",
        "out/dagster_cloud.yaml": location("ignored"),
        "x.gen/dagster_cloud.yaml": location("generated"),
        "kept.gen/dagster_cloud.yaml": location("kept"),
        "dagster_cloud_local.yaml": location("local"),
        "sub/.gitignore": "deep/\n",
        "sub/deep/dagster_cloud.yaml": location("deep"),
        "sub/other/dagster_cloud.yaml": location("other"),
        "node_modules/a/dagster_cloud.yaml": location("module"),
        ".venv/lib/dagster_cloud.yaml": location("venv"),
    }

    assert names(written(tmp_path, files)) == ["kept", "other", "root"]


def test_what_git_keeps_counts_though_it_is_ignored(tmp_path: Path) -> None:
    files = {
        ".gitignore": "*.yaml\nbuilt/\n.venv/\n",
        "app/dagster_cloud.yaml": location("forced"),
        "built/deep/dagster_cloud.yaml": location("deep"),
        ".venv/lib/dagster_cloud.yaml": location("tool"),
    }
    written(tmp_path, files)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--force", ".")
    written(tmp_path, {"other/dagster_cloud.yaml": location("not kept")})

    assert names(tmp_path) == ["forced", "deep"]
    assert names(tmp_path / "built") == ["deep"]


def test_a_repository_that_git_refuses_is_read_by_its_ignore_files(tmp_path: Path) -> None:
    files = {
        ".git": "gitdir: nowhere\n",
        ".gitignore": "b/\n",
        "a/dagster_cloud.yaml": location("a"),
        "b/dagster_cloud.yaml": location("b"),
    }

    assert names(written(tmp_path, files)) == ["a"]


def test_what_helm_has_yet_to_render_is_left_out(tmp_path: Path) -> None:
    files = {
        "chart/Chart.yaml": "name: agent\n",
        "chart/templates/dagster_cloud.yaml": "{{- if .Values.x }}\nlocations: {{ .y }}\n",
        "chart/values.yaml": "dagsterCloud:\n  agentQueues: [gpu]\n",
        "templates/dagster_cloud.yaml": location("no chart"),
    }
    project = read_project(written(tmp_path, files))

    assert [file.path for file in project.files] == [
        "chart/values.yaml",
        "templates/dagster_cloud.yaml",
    ]


def test_what_the_repository_ignores_holds_in_its_folders(tmp_path: Path) -> None:
    files = {
        ".git/HEAD": "",
        ".gitignore": "a/out/\n",
        "a/out/dagster_cloud.yaml": location("ignored"),
        "a/in/dagster_cloud.yaml": location("kept"),
    }

    project = read_project(written(tmp_path, files) / "a")

    assert [each.name.value for each in project.locations] == ["kept"]
    assert project.repository == tmp_path


def test_one_file_is_read_alone(tmp_path: Path) -> None:
    files = {"dagster_cloud.yaml": location("a"), "b/dagster_cloud.yaml": location("b")}

    assert names(written(tmp_path, files) / "b" / "dagster_cloud.yaml") == ["b"]


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="nowhere"):
        read_project(tmp_path / "nowhere")


def test_a_link_that_leads_nowhere_or_around_is_no_harm(tmp_path: Path) -> None:
    written(tmp_path, {"dagster_cloud.yaml": location("a")})
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "dagster_cloud.yaml").symlink_to("gone")
    (tmp_path / "b" / "around").symlink_to(tmp_path)

    assert names(tmp_path) == ["a"]


def test_the_nearest_file_counts_for_a_name(tmp_path: Path) -> None:
    files = {
        "etl/dagster_cloud.yaml": location("etl", "    agent_queue: far\n"),
        "dagster_cloud.yaml": location("etl", "    agent_queue: near\n"),
    }

    project = read_project(written(tmp_path, files))

    assert [each.queue_name for each in project.locations] == ["near"]
    assert len(project.definitions) == 2


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ("", Kind.SERVERLESS),
        ("build: {directory: a}", Kind.SERVERLESS),
        ("build: {registry: }", Kind.SERVERLESS),
        ("build: {registry: host/a}", Kind.HYBRID),
        ("build: {registry: host/a}\nagent_queue: q\nimage: i", Kind.HYBRID),
        ("image: host/a:1", Kind.PREBUILT),
        ("image: host/a:1\nagent_queue: q\ncontainer_context: {k8s: {}}", Kind.PREBUILT),
        ("executable_path: python\nagent_queue: q", Kind.PREBUILT),
        ("image: host/a:1\nbuild: {directory: a}", Kind.AMBIGUOUS),
        ("agent_queue: q", Kind.AMBIGUOUS),
        ("container_context: {k8s: {}}", Kind.AMBIGUOUS),
        ("agent_queue:\ncontainer_context:", Kind.SERVERLESS),
    ],
)
def test_what_marks_a_kind(more: str, kind: Kind) -> None:
    root = read_yaml(SourceText(file="a", text=f"location_name: etl\n{more}\n")).root
    assert root is not None

    result = classify(root)

    assert result.kind is kind
    assert (result.settle is not None) == (kind is Kind.AMBIGUOUS)
    assert result.position.line >= 1


def test_toml_values_are_where_they_say() -> None:
    text = (
        '[tool."x.y"]\nz = {a = [1, "x]", {b = 2}], c.d = """\n hi"""}\nl = [\n  [1], # no ]\n]\n'
        "[[a]]\n[[a.b]]\nx = 1\n[[a]]\n[[a.b]]\nx = 'é'\n[a.b.c]\ny = 1979-05-27 07:32:00\n"
    )

    root = read_toml(SourceText(file="p", text=text)).root

    assert root is not None
    written = {
        node.value: text[node.start : node.end]
        for node in root.walk()
        if isinstance(node.value, str)
    }
    assert written["x]"] == '"x]"'
    assert written[" hi"] == '"""\n hi"""'
    assert written["é"] == "'é'"
    assert written["x.y"] == '"x.y"'
    nested = root.get("tool", "x.y", "z", "c", "d")
    assert nested is not None
    assert nested.position.line == 2


def test_edits_leave_every_other_byte_alone() -> None:
    data = "\ufeffa: 1\r\nb:  2 # x\r\n\r\n".encode()
    source = SourceText.decode("f", data)

    edited = source.edited([Edit(start=10, end=11, text="3"), Edit(start=3, end=4, text="0")])

    assert source.encode() == data
    assert edited.encode() == "\ufeffa: 0\r\nb:  3 # x\r\n\r\n".encode()
