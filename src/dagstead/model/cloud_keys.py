"""The keys of ``dagster_cloud.yaml``."""

from __future__ import annotations

TEXT_KEYS = ("working_directory", "image", "executable_path", "attribute", "agent_queue")
LOCATION_KEYS = ("location_name", "code_source", "build", "container_context", *TEXT_KEYS)
DEFAULTS_KEYS = (
    "build",
    "working_directory",
    "image",
    "executable_path",
    "container_context",
    "agent_queue",
)
BUILD_KEYS = ("directory", "registry")
TOP_LEVEL_KEYS = ("defaults", "locations")
