"""A fake of the Kubernetes API: it keeps objects in memory and runs nothing.

Enough for Helm to install, upgrade and uninstall: discovery, and create, read, list, patch, replace
and delete of the kinds that our charts make. It checks no form: the schemas do that.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from tests.support.json_server import JsonServer

#: The kinds of each group and version, with the plural that paths have.
KINDS: Mapping[str, Mapping[str, str]] = {
    "v1": {
        "ConfigMap": "configmaps",
        "Event": "events",
        "PersistentVolumeClaim": "persistentvolumeclaims",
        "Pod": "pods",
        "Secret": "secrets",
        "Service": "services",
        "ServiceAccount": "serviceaccounts",
    },
    "apps/v1": {
        "Deployment": "deployments",
        "ReplicaSet": "replicasets",
        "StatefulSet": "statefulsets",
    },
    "batch/v1": {"Job": "jobs"},
    "autoscaling/v2": {"HorizontalPodAutoscaler": "horizontalpodautoscalers"},
    "networking.k8s.io/v1": {"Ingress": "ingresses", "NetworkPolicy": "networkpolicies"},
    "policy/v1": {"PodDisruptionBudget": "poddisruptionbudgets"},
    "rbac.authorization.k8s.io/v1": {"Role": "roles", "RoleBinding": "rolebindings"},
}


@dataclass(slots=True, kw_only=True)
class FakeKubernetes(JsonServer):
    """One cluster, at :attr:`url` while the context is open."""

    #: Objects by their path, such as ``/api/v1/namespaces/default/services/web``.
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: What was created, in order, as it was sent.
    created: list[dict[str, Any]] = field(default_factory=list)
    _version: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def names(self, namespace: str) -> set[tuple[str, str]]:
        """Kind and name of all objects of a namespace."""
        return {
            (each["kind"], each["metadata"]["name"])
            for path, each in self.objects.items()
            if f"/namespaces/{namespace}/" in path
        }

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """The status and the body for a request."""
        path = urlsplit(path).path
        with self._lock:
            self.requests.append(f"{method} {path}")
            if method == "GET" and (found := _discovery(path)):
                return HTTPStatus.OK, found
            if method == "POST":
                return self._create(path, body)
            path = path.removesuffix("/status").removesuffix("/log")
            if path in self.objects:
                return self._change(method, path, body)
            if method == "GET" and path.rsplit("/", 1)[-1] in _PLURALS:
                below = [each for key, each in self.objects.items() if key.startswith(path + "/")]
                return HTTPStatus.OK, {"kind": "List", "apiVersion": "v1", "items": below}
            return _failure(HTTPStatus.NOT_FOUND, "NotFound", path)

    def _create(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        place = f"{path}/{body['metadata']['name']}"
        if place in self.objects:
            return _failure(HTTPStatus.CONFLICT, "AlreadyExists", place)
        # The path says it, too: clients may leave it out.
        body = {**_kind_of(path), **body}
        self.created.append(body)
        self.objects[place] = self._stamped(body)
        return HTTPStatus.CREATED, self.objects[place]

    def _change(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if method == "DELETE":
            del self.objects[path]
            return HTTPStatus.OK, {"kind": "Status", "apiVersion": "v1", "status": "Success"}
        if method == "PATCH":
            self.objects[path] = self._stamped(_merged(self.objects[path], body))
        if method == "PUT":
            self.objects[path] = self._stamped(body)
        return HTTPStatus.OK, self.objects[path]

    def _stamped(self, body: dict[str, Any]) -> dict[str, Any]:
        self._version += 1
        metadata = {"uid": f"uid-{self._version}", **body["metadata"]}
        return {**body, "metadata": {**metadata, "resourceVersion": str(self._version)}}


_PLURALS = {plural for kinds in KINDS.values() for plural in kinds.values()}


def _kind_of(collection: str) -> dict[str, str]:
    before, _, plural = collection.partition("/namespaces/")
    version = before.removeprefix("/apis/").removeprefix("/api/")
    kinds = {plural: kind for kind, plural in KINDS[version].items()}
    return {"apiVersion": version, "kind": kinds[plural.rsplit("/", 1)[-1]]}


def _discovery(path: str) -> dict[str, Any] | None:
    if path == "/version":
        return {"major": "1", "minor": "34", "gitVersion": "v1.34.0"}
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        groups = [_group(version) for version in KINDS if "/" in version]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
    version = path.removeprefix("/apis/").removeprefix("/api/")
    if version not in KINDS:
        return None
    resources = [
        {"name": plural, "singularName": kind.lower(), "kind": kind, "namespaced": True}
        | {"verbs": ["create", "delete", "get", "list", "patch", "update"]}
        for kind, plural in KINDS[version].items()
    ]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": version,
        "resources": resources,
    }


def _group(version: str) -> dict[str, Any]:
    entry = {"groupVersion": version, "version": version.split("/")[1]}
    return {
        "name": version.split("/", maxsplit=1)[0],
        "versions": [entry],
        "preferredVersion": entry,
    }


def _failure(status: HTTPStatus, reason: str, path: str) -> tuple[int, dict[str, Any]]:
    return status, {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": reason,
        "message": f"{path}: {status.phrase}",
        "code": int(status),
    }


def _merged(old: Any, new: Any) -> Any:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    changed = {key: _merged(old.get(key), value) for key, value in new.items()}
    return {key: value for key, value in {**old, **changed}.items() if value is not None}
