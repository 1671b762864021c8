"""What the official command line accepts is accepted here, and the other way round."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dagster_cloud_cli.config.merger import DagsterCloudConfigDefaultsMerger
from dagster_cloud_cli.config.models import load_dagster_cloud_yaml
from dagster_shared.utils import remove_none_recursively
from hypothesis import given, settings

from dagstead.model.families import Family
from dagstead.repository.files import Project, read_project
from tests.corpus.documents import texts
from tests.support.official_verdicts import assert_same_verdict


def test_the_corpus_gets_the_official_verdicts(corpus: list[Path]) -> None:
    files = 0
    for repository in corpus:
        project = read_project(repository)
        # What is deployed from another file is judged there.
        for file in (f for f in project.files_of(Family.CLOUD) if f.path not in project.repeated):
            files += 1
            text = (repository / file.path).read_bytes().decode("utf-8", errors="surrogateescape")
            assert_same_verdict(project, file.path, text)

    assert files


def test_the_corpus_is_written_back_byte_for_byte(corpus: list[Path]) -> None:
    for repository in corpus:
        for file in read_project(repository).files:
            assert file.source.encode() == (repository / file.path).read_bytes()


def test_every_value_of_the_corpus_is_where_it_says(corpus: list[Path]) -> None:
    for repository in corpus:
        project = read_project(repository)
        for location in project.definitions:
            for node in location.node.walk():
                if node.text and node.style not in {"|", ">"} and "\\" not in node.text:
                    assert_is_at(project, node.position.file, node)


@settings(max_examples=200)
@given(text=texts())
def test_any_document_gets_the_official_verdict(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = tmp_path_factory.mktemp("project")
    (folder / "dagster_cloud.yaml").write_bytes(text.encode())

    project = read_project(folder)

    assert_same_verdict(project, "dagster_cloud.yaml", text)
    (file,) = project.files
    assert file.source.encode() == text.encode()
    assert file.source.edited([]).encode() == text.encode()


def test_defaults_are_merged_as_ci_template_does(tmp_path: Path) -> None:
    (tmp_path / "dagster_cloud.yaml").write_text(_DEFAULTS, encoding="utf-8")

    project = read_project(tmp_path)

    official = DagsterCloudConfigDefaultsMerger().process(load_dagster_cloud_yaml(_DEFAULTS))
    assert [each.node.plain() for each in project.locations] == [
        remove_none_recursively(each.model_dump()) for each in official.locations
    ]


def assert_is_at(project: Project, path: str, node: Any) -> None:
    file = project.file(path)
    assert file is not None
    written = file.source.text[node.start : node.end]
    assert written.strip("\"'").replace("''", "'").split() == node.text.split(), node.position


_DEFAULTS = """
defaults:
  agent_queue: general
  build:
    registry: registry.example.com/all
  container_context:
    k8s:
      env_vars: [A=1, B=2]
      volumes:
        - {name: scratch, size: 1}
        - {name: models, size: 2}
      env_secrets: [one, two]
      run_k8s_config:
        container_config:
          args: [x, y]
          command: [sh]
locations:
  - location_name: etl
    code_source: {package_name: etl}
    build: {directory: ./etl, registry: null}
    container_context:
      k8s:
        env_vars: [B=3, C=4]
        volumes:
          - {name: scratch, size: 9}
        env_secrets: [two, three]
        run_k8s_config:
          container_config:
            args: [z]
  - location_name: train
    code_source: {module_name: train.definitions}
    agent_queue: gpu
    image: registry.example.com/train:1
  - location_name: plain
    code_source: {package_name: plain}
    container_context:
      docker: {env_vars: [A]}
"""
