"""The pool's instance: the official agent's, with a folder of its own for each deployment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from dagster._serdes import ConfigurableClassData
from dagster_cloud.instance import DagsterCloudAgentInstance

from dagstead.serverless.home import PoolHome

if TYPE_CHECKING:
    from dagster._core.instance.ref import InstanceRef


class PoolInstance(DagsterCloudAgentInstance):
    """Keeps apart what user code of different deployments stores on this machine.

    Dagster's own I/O manager writes values to files that are named after the asset. With one
    folder for all, a run of a branch deployment would overwrite the values of production. Dagster+
    keeps them apart as well (``dagster_cloud/serverless/io_manager.py``).
    """

    def ref_for_deployment(self, deployment_name: str) -> InstanceRef:
        """What user code of a deployment makes its instance from; without this class in it."""
        reference = super().ref_for_deployment(deployment_name)
        home = PoolHome(root=Path(self.root_directory))
        folder = home.outputs_of(deployment_name)
        storage = ConfigurableClassData(
            "dagster._core.storage.root",
            "LocalArtifactStorage",
            json.dumps({"base_dir": str(folder)}),
        )
        return reference._replace(local_artifact_storage_data=storage)


def with_own_logs(reference: InstanceRef, folder: Path) -> InstanceRef:
    """An instance whose steps write what they print into a folder of their location's own.

    Args:
        reference: for a deployment.
        folder: of the location.
    """
    captured = reference.compute_logs_data
    settings = {**(yaml.safe_load(captured.config_yaml) or {}), "local_dir": str(folder / "logs")}
    own = ConfigurableClassData(captured.module_name, captured.class_name, yaml.safe_dump(settings))
    return reference._replace(compute_logs_data=own)
