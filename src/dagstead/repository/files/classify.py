"""Serverless, hybrid, prebuilt or ambiguous: what a location's settings show about its build.

``build.registry`` is the marker. It says how a location is built; where it runs is the queue's
matter (:mod:`dagstead.routing`).
"""

from __future__ import annotations

from dagstead.model.location import Classification, Kind
from dagstead.model.nodes import Node

_BUILT_FOR_AN_AGENT = (
    "add build.registry if an image is to be built for an agent, or image if it exists already"
)


def classify(entry: Node) -> Classification:
    """Classify a location by its entry in the form of ``dagster_cloud.yaml``, defaults applied."""
    registry = _given(entry, "build", "registry")
    image = _given(entry, "image")
    executable = _given(entry, "executable_path")
    if registry is not None:
        return Classification(
            kind=Kind.HYBRID,
            reason=f"build.registry is {registry.text!r}, so an image is built for an agent",
            node=registry,
        )
    prebuilt = image or executable
    if prebuilt is not None:
        return _prebuilt(entry, "image" if image else "executable_path", prebuilt)
    return _without_build(entry)


def _prebuilt(entry: Node, key: str, prebuilt: Node) -> Classification:
    directory = _given(entry, "build", "directory")
    if directory is None:
        return Classification(
            kind=Kind.PREBUILT,
            reason=f"{key} is {prebuilt.text!r} and there is nothing to build",
            node=prebuilt,
        )
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


def _without_build(entry: Node) -> Classification:
    for key in ("agent_queue", "container_context"):
        found = entry.get(key)
        if found is not None and not found.is_null:
            return Classification(
                kind=Kind.AMBIGUOUS,
                reason=f"{key} is for an agent of yours, but there is no image to run there",
                settle=f"{_BUILT_FOR_AN_AGENT}; remove {key} if the location is serverless".replace(
                    "add", "Add", 1
                ),
                node=found,
            )
    name = entry.get("location_name") or entry
    return Classification(
        kind=Kind.SERVERLESS,
        reason="nothing names a registry, an image or an agent, so it is built as a PEX file",
        node=name,
    )


def _given(entry: Node, *keys: str) -> Node | None:
    """The node of a text that is not empty."""
    node = entry.get(*keys)
    return node if node is not None and node.text else None
