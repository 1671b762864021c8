"""Settings of platforms: what is refused, where, and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagstead.repository.files import read_project
from dagstead.repository.rules.checking import check


def _context(text: str) -> str:
    lines = "".join(f"      {line}\n" for line in text.strip().splitlines())
    head = "locations:\n  - location_name: tides\n    image: registry.example.com/tides:1\n"
    return f"{head}    code_source: {{package_name: tides}}\n    container_context:\n{lines}"


def _found(folder: Path, text: str) -> list[tuple[str, str, str]]:
    (folder / "dagster_cloud.yaml").write_text(_context(text), encoding="utf-8")
    found = check(read_project(folder))
    return [(each.code, each.found.message, each.found.instead) for each in found]


@pytest.mark.parametrize(
    ("text", "message", "instead"),
    [
        (
            "k8s: {env_config_map: [a]}",
            "'env_config_map' is not a key of container_context.k8s",
            "Did you mean 'env_config_maps'?",
        ),
        (
            "k8s: {pod_spec: {}}",
            "'pod_spec' is not a key of container_context.k8s",
            "Write 'pod_spec_config: …' below run_k8s_config or server_k8s_config",
        ),
        (
            "k8s: {server_k8s_config: {pod_spec_config: {nodeSelectr: {a: b}}}}",
            "'nodeSelectr' is not a field of a PodSpec, which pod_spec_config is",
            "Did you mean 'nodeSelector'?",
        ),
        (
            "ecs: {env: [A=1]}",
            "'env' is not a key of container_context.ecs",
            "Did you mean 'env_vars'?",
        ),
        (
            "k8s: {env_vars: [{TIDE: high}]}",
            "an item of env_vars is a mapping, not text",
            "Write 'TIDE=high'",
        ),
        (
            "ecs: {server_resources: {ephemeral_storage: '40'}}",
            "ephemeral_storage is text, not a whole number",
            "Write it without quotes: 40",
        ),
        (
            "k8s: {volume_mounts: [{name: data, mountPth: /data}]}",
            "'mountPth' is not a field of a VolumeMount, which an item of volume_mounts is",
            "Did you mean 'mountPath'?",
        ),
        (
            "docker: {registry: {url: registry.example.com}}",
            "registry has no password",
            "Add 'password: …' to it",
        ),
        (
            "k8s: {run_k8s_config: {merge_behavior: deep}}",
            "merge_behavior is 'deep', which is not one of its values",
            "Did you mean 'DEEP'?",
        ),
        (
            "kubernetes: {namespace: tides}",
            "'kubernetes' is beside the platforms, where no agent looks for it",
            "Did you mean 'k8s'?",
        ),
    ],
)
def test_what_an_agent_refuses_is_found(
    text: str, message: str, instead: str, tmp_path: Path
) -> None:
    found = _found(tmp_path, text)

    assert (message, instead) in [each[1:] for each in found]
    assert {code for code, *_ in found} <= {"DS204", "DS250", "DS251"}


@pytest.mark.parametrize(
    "text",
    [
        "k8s: {run_k8s_config: {container_config: {volumeMounts: [{name: a, mountPath: /a}]}}}",
        "k8s: {run_k8s_config: {pod_spec_config: {node_selector: {pool: big}}}}",
        "k8s: {volumes: [{name: a, configMap: {name: settings}}], env_vars: [A]}",
        "k8s: {server_replica_count: {env: REPLICAS}, namespace: null}",
        "k8s: {server_replica_count: '${REPLICAS}'}",
        "ecs: {run_resources: {cpu: '512', gpu: 1}, task_role_arn: {env: ROLE}}",
        "docker: {container_kwargs: {shm_size: 1g, volumes: [a]}, networks: [tides]}",
        "env_vars: [A=1]",
        "nomad: {whatever: 1}",
        "k8s: null",
    ],
)
def test_what_agents_take_is_fine(text: str, tmp_path: Path) -> None:
    assert _found(tmp_path, text) == []


def test_what_defaults_leave_open_a_location_may_fill_in(tmp_path: Path) -> None:
    part = "container_context: {docker: {registry: {"
    (tmp_path / "dagster_cloud.yaml").write_text(
        f"defaults:\n  image: r.example.com/tides:1\n  {part}url: r.example.com}}}}}}\n"
        f"locations:\n  - location_name: tides\n    code_source: {{package_name: tides}}\n"
        f"    {part}username: tide, password: {{env: TIDE}}}}}}}}\n",
        encoding="utf-8",
    )

    assert "DS251" not in {each.code for each in check(read_project(tmp_path))}


def test_a_mistake_in_defaults_is_found_once_and_there(tmp_path: Path) -> None:
    (tmp_path / "dagster_cloud.yaml").write_text(
        "defaults:\n  container_context:\n    k8s: {env_secret: [a]}\nlocations:\n"
        "  - {location_name: ebb, image: 'r.example.com/a', code_source: {package_name: ebb}}\n"
        "  - {location_name: flow, image: 'r.example.com/a', code_source: {package_name: flow}}\n",
        encoding="utf-8",
    )

    found = [each for each in check(read_project(tmp_path)) if each.code == "DS250"]

    assert [each.position.line for each in found] == [3]


def test_settings_of_dg_are_compared_too(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "tides"\n',
        encoding="utf-8",
    )
    (tmp_path / "container_context.yaml").write_text("ecs:\n  env_var: [A=1]\n", encoding="utf-8")

    found = [each for each in check(read_project(tmp_path)) if each.code == "DS250"]

    assert [(each.position.file, each.position.line) for each in found] == [
        ("container_context.yaml", 2)
    ]
