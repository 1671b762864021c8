"""What the command line does to deployments, beside what the operator surface offers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagstead.errors import InvalidInputError
from dagstead.plane.deployments import Deployment
from dagstead.server.services import open_instances
from dagstead.server.settings import Settings
from dagstead.store.all import Store


def delete_deployment(settings: Settings, store: Store, name: str) -> Deployment:
    """Remove a deployment with everything that belongs to it: locations, runs, events, files.

    Raises:
        DeploymentNotFoundError: when there is none of that name.
        LastDeploymentError: when no full deployment would be left.
    """
    deployment = store.deployments.get(name)
    store.deployments.delete(name)
    instances = open_instances(settings, store)
    try:
        instances.drop(deployment)
    finally:
        instances.close()
    return deployment


def set_deployment_settings(store: Store, name: str, settings: Mapping[str, Any]) -> Deployment:
    """Replace a deployment's settings.

    Raises:
        InvalidInputError: with every mistake in them.
        DeploymentNotFoundError: when there is none of that name.
    """
    from dagstead.operator_api.settings_form import deployment_settings_errors  # noqa: PLC0415

    store.deployments.get(name)
    errors = deployment_settings_errors(settings)
    if errors:
        raise InvalidInputError(" ".join(errors))
    return store.deployments.set_settings(name, settings)
