"""The official agent's launcher for Kubernetes, made from a ``dagster.yaml``: all that it asks for.

Runs in the environment of ``requirements/charts.txt``. Arguments: folders, each with such a file
and a ``kubeconfig`` for its cluster. Prints what the agents understood, a line of JSON each.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml
from dagster import DagsterInstance
from dagster_cloud.instance import DagsterCloudAgentInstance
from dagster_cloud.workspace.user_code_launcher.user_code_launcher import UserCodeLauncherEntry
from dagster_cloud_cli.core.workspace import CodeLocationDeployData
from dagster_k8s.job import construct_dagster_k8s_job

DEPLOYMENT, LOCATION = "prod", "weather"
DATA = CodeLocationDeployData(image="registry.example.com/weather:1", module_name="weather")


def with_cluster(folder: Path) -> str:
    """Let the launcher use a file where it would use its pod's own account."""
    file = folder / "dagster.yaml"
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    content["user_code_launcher"]["config"]["kubeconfig_file"] = str(folder / "kubeconfig")
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return str(folder)


def start_and_stop_a_code_server(launcher: Any) -> None:
    """As for a location that comes, is looked after, fails to start, and goes."""
    entry = UserCodeLauncherEntry(DATA, 1.0)
    server = launcher._start_new_server_spinup(DEPLOYMENT, LOCATION, entry)
    # Once more: what is there already is replaced.
    launcher._create_or_replace_defs_state_config_map(
        *(DEPLOYMENT, LOCATION, server.server_handle.name, server.server_handle.namespace),
        serialized_defs_state_info="",
        server_timestamp=2.0,
    )
    launcher._list_server_handles()
    launcher._get_standalone_dagster_server_handles_for_location(DEPLOYMENT, LOCATION)
    launcher._get_timeout_debug_info(server.server_handle)
    with launcher._get_apps_api_instance() as api:
        api.read_namespaced_deployment(server.server_handle.name, server.server_handle.namespace)
    launcher._cleanup_orphan_defs_state_config_maps()
    launcher._remove_server_handle(server.server_handle)


def start_and_end_a_run(launcher: Any) -> None:
    """As for a run that is launched, watched, looked into, and terminated."""
    runs = launcher.run_launcher()
    context = launcher._resolve_container_context(DATA)
    job = construct_dagster_k8s_job(
        job_config=context.get_k8s_job_config(DATA.image, runs),
        args=["dagster", "api", "execute_run"],
        job_name="dagster-run-1",
        pod_name="dagster-run-1",
        component="run_worker",
        user_defined_k8s_config=context.run_k8s_config,
    )
    client, space = runs._api_client, context.namespace
    client.create_namespaced_job_with_retries(body=job, namespace=space)
    client.get_job_status("dagster-run-1", space)
    client.get_job_debug_info("dagster-run-1", space)
    for pod in client.get_pods_in_job("dagster-run-1", space):
        client.get_pod_by_name(pod.metadata.name, space)
        client.get_pod_debug_info(pod.metadata.name, space)
    client.delete_job("dagster-run-1", space)


def use(folder: Path) -> dict[str, Any]:
    """Use all of a launcher; what the agent understood."""
    with DagsterInstance.from_config(with_cluster(folder)) as instance:
        assert isinstance(instance, DagsterCloudAgentInstance)
        launcher = instance.user_code_launcher
        start_and_stop_a_code_server(launcher)
        start_and_end_a_run(launcher)
        return {
            "url": instance.dagster_cloud_url,
            "deployments": list(instance.deployment_names),
            "branch_deployments": instance.includes_branch_deployments,
            "queues": list(instance.agent_queues_config.queues),
            "launcher": type(launcher).__name__,
        }


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        sys.stdout.write(json.dumps(use(Path(argument))) + "\n")
