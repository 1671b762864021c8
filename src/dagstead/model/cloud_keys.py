"""The keys of ``dagster_cloud.yaml``, in files and in what the command line deploys."""

from __future__ import annotations

#: The ways to say where the definitions are; a location has one.
CODE_SOURCES = ("package_name", "module_name", "python_file", "autoload_defs_module_name")
TEXT_KEYS = ("working_directory", "image", "executable_path", "attribute", "agent_queue")
LOCATION_KEYS = ("location_name", "code_source", "build", "container_context", *TEXT_KEYS)
#: What the command line adds to a location when it deploys; no file has them.
ADDED_KEYS = ("git", "pex_metadata", "pex_bundle", "defs_state_info")
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
