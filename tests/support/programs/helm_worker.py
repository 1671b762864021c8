"""Helm and the schemas of Kubernetes, for a test: one question a line, one answer a line, as JSON.

Runs in the environment of ``requirements/charts.txt``. A process of its own, because Helm keeps
its releases in memory (``HELM_DRIVER=memory``) and takes its settings from the environment once.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import helm_sdkpy
import kubernetes_validate


class Worker:
    """Answers questions until there are none."""

    def __init__(self) -> None:
        self._configurations: dict[str, Any] = {}

    def lint(self, *, chart: str) -> Any:
        """What ``helm lint`` says of a chart."""
        return asyncio.run(helm_sdkpy.Lint(self._configuration("default")).run(chart))

    def install(
        self, *, chart: str, release: str, namespace: str, values: Mapping[str, Any]
    ) -> Any:
        """Install a release; its manifest and notes."""
        return self._run(helm_sdkpy.Install, namespace, release, chart, values)

    def upgrade(
        self, *, chart: str, release: str, namespace: str, values: Mapping[str, Any]
    ) -> Any:
        """Upgrade a release."""
        return self._run(helm_sdkpy.Upgrade, namespace, release, chart, values)

    def uninstall(self, *, release: str, namespace: str) -> Any:
        """Remove a release."""
        action = helm_sdkpy.Uninstall(self._configuration(namespace))
        return asyncio.run(action.run(release, wait=False))

    def validate(
        self, *, documents: Sequence[Mapping[str, Any]], versions: Sequence[str]
    ) -> list[str]:
        """What the schemas of each version of Kubernetes refuse."""
        refused = []
        for version in versions:
            for document in documents:
                what = f"{document['kind']}/{document['metadata']['name']}, {version}"
                try:
                    kubernetes_validate.validate(dict(document), version, strict=True)
                except kubernetes_validate.ValidationError as error:
                    place = ".".join(str(part) for part in error.path)
                    refused.append(f"{what}: {place}: {error.message}")
                except kubernetes_validate.SchemaNotFoundError as error:
                    refused.append(f"{what}: {error.message}")
        return refused

    def versions(self) -> list[str]:
        """The versions of Kubernetes whose schemas there are."""
        return list(kubernetes_validate.utils.all_versions())

    def _run(
        self, action: Any, namespace: str, release: str, chart: str, values: Mapping[str, Any]
    ) -> Any:
        running = action(self._configuration(namespace))
        return asyncio.run(running.run(release, chart, values=dict(values), wait=False))

    def _configuration(self, namespace: str) -> Any:
        if namespace not in self._configurations:
            self._configurations[namespace] = helm_sdkpy.Configuration(namespace=namespace)
        return self._configurations[namespace]


def answer(call: Callable[..., Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to one question, or the sentence of what went wrong."""
    try:
        return {"answer": call(**arguments)}
    except helm_sdkpy.HelmError as error:
        return {"refused": str(error)}


if __name__ == "__main__":
    worker = Worker()
    for line in sys.stdin:
        question = json.loads(line)
        reply = answer(getattr(worker, question["call"]), question["arguments"])
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()
