"""What the official classes of agents make of ``container_context``; runs where they are installed.

``schema`` prints what they read, as data; ``judge`` answers each line of JSON, a whole
``container_context``, with a line: what each platform refuses about it, ``null`` for nothing.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import kubernetes.client.models as kubernetes_models
from dagster._config import ConfigType, ConfigTypeKind, resolve_to_config_type
from dagster._core.container_context import SHARED_CONTAINER_CONTEXT_SCHEMA
from dagster_aws.ecs.container_context import ECS_CONTAINER_CONTEXT_SCHEMA, EcsContainerContext
from dagster_docker.container_context import (
    DOCKER_CONTAINER_CONTEXT_SCHEMA,
    DockerContainerContext,
)
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.job import DagsterK8sJobConfig
from dagster_k8s.models import k8s_model_from_dict

#: What ``UserDefinedDagsterK8sConfig`` and ``K8sContainerContext`` take each part for.
_RAW = {
    "container_config": "V1Container",
    "pod_template_spec_metadata": "V1ObjectMeta",
    "pod_spec_config": "V1PodSpec",
    "job_config": "V1Job",
    "job_metadata": "V1ObjectMeta",
    "job_spec_config": "V1JobSpec",
    "deployment_metadata": "V1ObjectMeta",
    "service_metadata": "V1ObjectMeta",
    "service_spec_config": "V1ServiceSpec",
}
_ITEMS = {"volume_mounts": "V1VolumeMount", "volumes": "V1Volume", "env": "V1EnvVar"}
#: What the agent fills in before it makes an object of a part.
_FILLED_IN: Mapping[str, Mapping[str, object]] = {
    "container_config": {"name": "dagster"},
    "pod_spec_config": {"containers": []},
    "job_spec_config": {"template": {}},
}
_SCALARS = {"STRING": "text", "INT": "whole", "FLOAT": "number", "BOOL": "truth"}
_NATIVE = {
    "str": "any",
    "bytes": "any",
    "object": "any",
    "bool": "any",
    "datetime": "any",
    "date": "any",
    "int": "count",
    "float": "measure",
}


def schema() -> dict[str, Any]:
    """What each platform reads."""
    k8s = _described(resolve_to_config_type(DagsterK8sJobConfig.config_type_container_context()))
    for side in ("run_k8s_config", "server_k8s_config"):
        for key, part in k8s["fields"][side]["fields"].items():
            if key in _RAW:
                part.clear()
                part["model"] = _RAW[key]
    for key, model in _ITEMS.items():
        k8s["fields"][key]["list"]["model"] = model
    k8s["fields"]["security_context"]["model"] = "V1SecurityContext"
    return {
        "shared": _described(resolve_to_config_type(SHARED_CONTAINER_CONTEXT_SCHEMA)),
        "platforms": {
            "docker": _described(resolve_to_config_type(DOCKER_CONTAINER_CONTEXT_SCHEMA)),
            "ecs": _described(resolve_to_config_type(ECS_CONTAINER_CONTEXT_SCHEMA)),
            "k8s": k8s,
        },
        "models": dict(sorted(_models({*_RAW.values(), *_ITEMS.values(), "V1SecurityContext"}))),
    }


def _described(kind: ConfigType) -> Any:  # noqa: PLR0911 - one for each kind of type
    made: Any = kind
    match kind.kind:
        case ConfigTypeKind.NONEABLE:
            return {"optional": _described(made.inner_type)}
        case ConfigTypeKind.ANY:
            return "any"
        case ConfigTypeKind.SCALAR:
            return _SCALARS[made.scalar_kind.name]
        case ConfigTypeKind.SCALAR_UNION:
            return {"or_env": _described(made.scalar_type)}
        case ConfigTypeKind.ARRAY:
            return {"list": _described(made.inner_type)}
        case ConfigTypeKind.ENUM:
            return {"choice": sorted(value.config_value for value in made.enum_values)}
        case ConfigTypeKind.STRICT_SHAPE | ConfigTypeKind.PERMISSIVE_SHAPE:
            return _shape(made)
        case _:
            message = f"{kind.kind} is not described yet"
            raise NotImplementedError(message)


def _shape(kind: Any) -> dict[str, Any]:
    if getattr(kind, "field_aliases", None):
        message = f"aliases are not described yet: {kind.field_aliases}"
        raise NotImplementedError(message)
    described: dict[str, Any] = {
        "fields": {name: _described(field.config_type) for name, field in kind.fields.items()}
    }
    required = sorted(name for name, field in kind.fields.items() if field.is_required)
    if required:
        described["required"] = required
    if kind.kind is ConfigTypeKind.PERMISSIVE_SHAPE:
        described["open"] = True
    return described


def _models(wanted: set[str]) -> Iterator[tuple[str, Any]]:
    done: set[str] = set()
    while wanted - done:
        name = min(wanted - done)
        done.add(name)
        model = getattr(kubernetes_models, name)
        fields = {}
        for snake, written in model.openapi_types.items():
            camel = model.attribute_map[snake]
            kind = _native(written)
            wanted.update(re.findall(r"[A-Z]\w+", written))
            fields[snake] = [kind] if camel == snake else [kind, camel]
        described: dict[str, Any] = {"fields": fields}
        required = sorted(key for key in fields if _must_be_set(model, key))
        if required:
            described["required"] = required
        yield name, described


def _native(written: str) -> Any:
    listed = re.fullmatch(r"list\[(.*)\]", written)
    if listed:
        return {"list": _native(listed[1])}
    mapped = re.fullmatch(r"dict[(\[][^,]*,\s*(.*)[)\]]", written)
    if mapped:
        return {"map": _native(mapped[1])}
    return _NATIVE.get(written) or {"model": written}


def _must_be_set(model: type, key: str) -> bool:
    setter = getattr(model, key).fset
    return f"Invalid value for `{key}`, must not be `None`" in inspect.getsource(setter)


def judge(context: dict[str, Any]) -> dict[str, str | None]:
    """What each platform refuses, when it reads the settings and when it uses them."""
    readers: Mapping[str, Callable[[Any], Any]] = {
        "docker": DockerContainerContext.create_from_config,
        "ecs": EcsContainerContext.create_from_config,
        "k8s": K8sContainerContext.create_from_config,
        "k8s objects": _objects,
    }
    return {platform: _refusal(reader, context) for platform, reader in readers.items()}


def _objects(context: Any) -> None:
    made = K8sContainerContext.create_from_config(context)
    for side in (made.run_k8s_config, made.server_k8s_config):
        for key, part in side.to_dict().items():
            if key in _RAW:
                model = getattr(kubernetes_models, _RAW[key])
                k8s_model_from_dict(model, {**_FILLED_IN.get(key, {}), **part})


def _refusal(reader: Callable[[Any], Any], context: Any) -> str | None:
    try:
        reader(context)
    except Exception as error:  # noqa: BLE001 - whatever it is, the location does not load
        return f"{type(error).__name__}: {error}"
    return None


def main() -> None:
    """Do what the command line says."""
    if sys.argv[1:] == ["schema"]:
        sys.stdout.write(json.dumps(schema()))
        return
    for line in sys.stdin:
        sys.stdout.write(f"{json.dumps(judge(json.loads(line)))}\n")


if __name__ == "__main__":
    main()
