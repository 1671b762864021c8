"""Documents become locations, or sentences that say what is wrong with them."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from dagster_cloud_cli.config import models as official
from dagster_cloud_cli.core.workspace import CodeLocationDeployData
from dagster_shared.serdes import deserialize_value

from dagstead.errors import InvalidDocumentError
from dagstead.model.cloud_keys import (
    ADDED_KEYS,
    BUILD_KEYS,
    CODE_SOURCES,
    DEFAULTS_KEYS,
    LOCATION_KEYS,
)
from dagstead.operator_api import documents
from dagstead.operator_api.documents import DeployTarget, read_location, read_locations
from dagstead.plane.deployments import Branch, Deployment, DeploymentKind

PROD = Deployment(id=1, name="prod", kind=DeploymentKind.FULL, created_at=0.0)
BRANCH = Deployment(
    id=2,
    name="abc",
    kind=DeploymentKind.BRANCH,
    created_at=0.0,
    branch=Branch(
        repo_name="org/repo",
        branch_name="feature",
        commit_hash="c0ffee",
        commit_message="Add it",
        author_name="Ada",
        author_email="ada@example.org",
        pull_request_number="7",
        pull_request_status="OPEN",
        timestamp=1724871941.25,
    ),
)
MINIMAL: dict[str, Any] = {"location_name": "weather", "code_source": {"module_name": "weather"}}


def target(deployment: Deployment = PROD) -> DeployTarget:
    numbers = count(1)
    return DeployTarget(deployment=deployment, new_deploy_id=lambda: f"deploy-{next(numbers)}")


def deploy_data(text: str) -> CodeLocationDeployData:
    return deserialize_value(text, CodeLocationDeployData)


def errors_of(document: object) -> list[str]:
    with pytest.raises(InvalidDocumentError) as caught:
        read_locations(document, target())
    return list(caught.value.errors)


def test_whole_document_reaches_the_agent() -> None:
    document = {
        "location_name": "digits",
        "code_source": {"package_name": "digits"},
        "image": "registry.example.org/digits:1",
        "working_directory": "/code",
        "executable_path": "/usr/bin/python",
        "attribute": "defs",
        "agent_queue": "hybrid-queue",
        "container_context": {"k8s": {"namespace": "x"}},
        "build": {"registry": "registry.example.org/digits"},
        "git": {"commit_hash": "abc", "url": "https://example.org/abc", "repo_owner": "org"},
        "pex_metadata": {"pex_tag": "files=deps-1.pex:source-2.pex", "python_version": "3.11"},
        "pex_bundle": True,
        "defs_state_info": {"info_mapping": {"k": {"version": "v", "create_timestamp": 1.0}}},
    }
    location = read_location(document, target())
    sent = deploy_data(location.deploy_data)
    assert location.name == "digits"
    assert location.queue == "hybrid-queue"
    assert location.document == document
    assert sent.package_name == "digits"
    assert sent.image == "registry.example.org/digits:1"
    assert sent.working_directory == "/code"
    assert sent.executable_path == "/usr/bin/python"
    assert sent.attribute == "defs"
    assert sent.agent_queue == "hybrid-queue"
    assert sent.container_context == {"k8s": {"namespace": "x"}}
    assert sent.git_metadata is not None
    assert (sent.git_metadata.commit_hash, sent.git_metadata.repo_owner) == ("abc", "org")
    assert sent.pex_metadata is not None
    assert sent.pex_metadata.pex_tag == "files=deps-1.pex:source-2.pex"
    assert sent.defs_state_info is not None
    assert sent.cloud_context_env["DAGSTEAD_DEPLOY_ID"] == location.deploy_id
    assert location.pex_files == ["deps-1.pex", "source-2.pex"]


def test_nulls_are_as_if_left_out() -> None:
    location = read_location(
        {**MINIMAL, "agent_queue": None, "image": None, "git": {"url": None}}, target()
    )
    assert location.queue is None
    assert location.document == {**MINIMAL, "git": {}}
    assert deploy_data(location.deploy_data).git_metadata is None


def test_full_deployment_is_named_in_the_environment() -> None:
    environment = deploy_data(
        read_location({**MINIMAL, "git": {"commit_hash": "abc"}}, target()).deploy_data
    ).cloud_context_env
    assert environment["DAGSTER_CLOUD_DEPLOYMENT_NAME"] == "prod"
    assert environment["DAGSTER_CLOUD_GIT_SHA"] == "abc"
    assert not environment["DAGSTER_CLOUD_IS_BRANCH_DEPLOYMENT"]
    assert "DAGSTER_CLOUD_GIT_BRANCH" not in environment


def test_branch_deployment_tells_its_branch() -> None:
    environment = deploy_data(read_location(MINIMAL, target(BRANCH)).deploy_data)
    assert dict(environment.cloud_context_env) == {
        "DAGSTEAD_DEPLOY_ID": "deploy-1",
        "DAGSTER_CLOUD_DEPLOYMENT_NAME": "abc",
        "DAGSTER_CLOUD_IS_BRANCH_DEPLOYMENT": "1",
        "DAGSTER_CLOUD_LOCATION_NAME": "weather",
        "DAGSTER_CLOUD_GIT_SHA": "c0ffee",
        "DAGSTER_CLOUD_GIT_BRANCH": "feature",
        "DAGSTER_CLOUD_GIT_REPO": "org/repo",
        "DAGSTER_CLOUD_GIT_MESSAGE": "Add it",
        "DAGSTER_CLOUD_GIT_AUTHOR_NAME": "Ada",
        "DAGSTER_CLOUD_GIT_AUTHOR_EMAIL": "ada@example.org",
        "DAGSTER_CLOUD_GIT_TIMESTAMP": "1724871941",
        "DAGSTER_CLOUD_PULL_REQUEST_ID": "7",
        "DAGSTER_CLOUD_PULL_REQUEST_STATUS": "OPEN",
    }


def test_defaults_are_merged_into_each_location() -> None:
    (one, two) = read_locations(
        {
            "defaults": {
                "agent_queue": "hybrid",
                "container_context": {"k8s": {"env_vars": ["A=1"]}},
            },
            "locations": [
                MINIMAL,
                {
                    "location_name": "digits",
                    "code_source": {"module_name": "digits"},
                    "agent_queue": "own",
                    "container_context": {"k8s": {"env_vars": ["B=2"]}},
                },
            ],
        },
        target(),
    )
    assert (one.queue, two.queue) == ("hybrid", "own")
    assert deploy_data(two.deploy_data).container_context == {"k8s": {"env_vars": ["A=1", "B=2"]}}


def test_every_mistake_is_told_at_once() -> None:
    errors = errors_of(
        {
            "locations": [
                {"location_name": "a", "code_source": {"module_name": "m"}, "agent_queue": ""},
                {"location_name": "b", "imag": "x"},
                {"location_name": "a", "code_source": {"module_name": "m", "python_file": "f"}},
                "c",
            ]
        }
    )
    assert errors == [
        "Location 'a' appears 2 times. Give every location its own name.",
        (
            "Location 'a': agent_queue is '', which no agent serves. Leave agent_queue out for the "
            "default queue, or name the queue of your hybrid agent."
        ),
        (
            "Location 'b': code_source is missing. Name the code with one of: package_name, "
            "module_name, python_file, autoload_defs_module_name."
        ),
        "Location 'b': unknown key 'imag'. Did you mean 'image'?",
        (
            "Location 'a': code_source must have exactly one of package_name, module_name, "
            "python_file, autoload_defs_module_name; it has module_name and python_file."
        ),
        "Location 4 is text, not a mapping.",
    ]


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ([], "The document is a list, not a mapping."),
        ({}, "'locations' is missing. It must be a list of code locations."),
        ({"locations": {"a": {}}}, "'locations' is a mapping."),
        ({"locations": [], "location": []}, "Unknown key 'location'. Did you mean 'locations'?"),
        ({"locations": [], "defaults": {"agent_queu": "x"}}, "defaults: unknown key 'agent_queu'"),
        ({"locations": [], "defaults": "x"}, "defaults: "),
    ],
)
def test_wrong_documents_are_refused(document: object, sentence: str) -> None:
    (error,) = errors_of(document)
    assert error.startswith(sentence)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"location_name": 7}, "location_name is 7."),
        ({"location_name": "  "}, "location_name is '  '."),
        ({"agent_queue": 7}, "agent_queue is 7, which no agent serves."),
        ({"code_source": "weather"}, "code_source is text."),
        ({"code_source": {"module_name": ["m"]}}, "code_source.module_name is a list, not text."),
        ({"code_source": {"modul": "m"}}, "code_source has an unknown key 'modul'. Did you mean"),
        ({"container_context": []}, "container_context: "),
        ({"git": {"sha": "x"}}, "unknown key 'sha' in git."),
        ({"pex_metadata": {}}, "pex_metadata.pex_tag is missing."),
        ({"pex_metadata": {"pex_tag": "files=../../etc/passwd"}}, "pex_metadata.pex_tag is "),
        ({"pex_metadata": {"pex_tag": "files=deps-1.pex"}}, "names no 'source-"),
    ],
)
def test_wrong_locations_are_refused(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidDocumentError) as caught:
        read_location({**MINIMAL, **change}, target())
    assert any(sentence in error for error in caught.value.errors), caught.value.errors


def test_the_server_and_check_know_the_same_keys() -> None:
    assert set(documents._Location.model_fields) == {*LOCATION_KEYS, *ADDED_KEYS}
    assert set(official.LocationDefaults.model_fields) == set(DEFAULTS_KEYS)
    assert set(official.CodeSource.model_fields) == set(CODE_SOURCES)
    assert set(official.Build.model_fields) == set(BUILD_KEYS)
