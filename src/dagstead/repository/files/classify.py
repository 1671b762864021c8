"""Serverless, hybrid, prebuilt or ambiguous: what a location's settings show about its build.

``build.registry`` is the marker. It says how a location is built; where it runs is the queue's
matter (:mod:`dagstead.routing`). :mod:`dagstead.repository.files.decisions` decides; this module
adds the reasons.
"""

from __future__ import annotations

from dagstead.model.location import Classification, Kind
from dagstead.model.nodes import Node
from dagstead.repository.files.decisions import decide_kind


def classify(entry: Node) -> Classification:
    """Classify a location by its entry in the form of ``dagster_cloud.yaml``, defaults applied."""

    def look(key: str) -> object:
        node = entry.get(*key.split("."))
        if node is None or node.is_null:
            return None
        return node.text if node.text is not None else node

    kind, keys = decide_kind(look)
    nodes = [node for key in keys if (node := entry.get(*key.split("."))) is not None]
    match Kind(kind):
        case Kind.HYBRID:
            return _hybrid(nodes[0])
        case Kind.PREBUILT:
            return _prebuilt(keys[0], nodes[0])
        case Kind.AMBIGUOUS if len(nodes) > 1:
            return _built_twice(keys[0], nodes[0], nodes[1])
        case Kind.AMBIGUOUS:
            return _without_image(keys[0], nodes[0])
        case Kind.SERVERLESS:
            return Classification(
                kind=Kind.SERVERLESS,
                reason="nothing names a registry, an image or an agent",
                node=entry.get("location_name") or entry,
            )


def _hybrid(registry: Node) -> Classification:
    return Classification(
        kind=Kind.HYBRID,
        reason=f"build.registry is {registry.text!r}, so an image is built for an agent",
        node=registry,
    )


def _prebuilt(key: str, prebuilt: Node) -> Classification:
    return Classification(
        kind=Kind.PREBUILT,
        reason=f"{key} is {prebuilt.text!r} and there is nothing to build",
        node=prebuilt,
    )


def _built_twice(key: str, prebuilt: Node, directory: Node) -> Classification:
    return Classification(
        kind=Kind.AMBIGUOUS,
        reason=(
            f"{key} names something that exists ({prebuilt.text!r}), "
            f"and build.directory something to build ({directory.text!r})"
        ),
        settle=(
            f"Remove build if {key} is used as it is; add build.registry if an image is to be "
            f"built; remove {key} if the location is serverless"
        ),
        node=prebuilt,
    )


def _without_image(key: str, found: Node) -> Classification:
    return Classification(
        kind=Kind.AMBIGUOUS,
        reason=f"{key} is for an agent of yours, but there is no image to run there",
        settle=(
            "Add build.registry if an image has to be built for an agent, or image if it exists "
            f"already; remove {key} if the location is serverless"
        ),
        node=found,
    )
