"""What user code in a container makes its Dagster instance from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import yaml
from dagster._serdes import ConfigurableClassData

from dagstead.serverless.docker.storage import STORAGE

if TYPE_CHECKING:
    from dagster._core.instance.ref import InstanceRef

_LOGS = "/tmp/dagstead/compute_logs"  # noqa: S108 - of a container's own
_LAUNCHER = {
    "module": "dagster_cloud.workspace.docker",
    "class": "DockerUserCodeLauncher",
    "config": {},
}


def for_containers(reference: InstanceRef, url: str) -> InstanceRef:
    """A deployment's instance with paths and addresses as they are in containers.

    Args:
        reference: the agent's own, for a deployment.
        url: the control plane's address, as containers reach it.
    """
    custom, captured = reference.custom_instance_class_data, reference.compute_logs_data
    if custom is not None:
        settings = yaml.safe_load(custom.config_yaml)
        settings["dagster_cloud_api"]["url"] = url
        # Of no use in user code, and ours is not in its environment.
        settings["user_code_launcher"] = _LAUNCHER
        custom = custom._replace(config_yaml=yaml.safe_dump(settings))
    logs = {**(yaml.safe_load(captured.config_yaml) or {}), "local_dir": _LOGS}
    return reference._replace(
        custom_instance_class_data=custom,
        compute_logs_data=captured._replace(config_yaml=yaml.safe_dump(logs)),
        local_artifact_storage_data=ConfigurableClassData(
            "dagster._core.storage.root", "LocalArtifactStorage", json.dumps({"base_dir": STORAGE})
        ),
    )
