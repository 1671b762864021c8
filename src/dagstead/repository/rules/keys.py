"""What people write in place of the keys of ``dagster_cloud.yaml``."""

from __future__ import annotations

from collections.abc import Mapping

from dagstead.model.cloud_keys import ADDED_KEYS, BUILD_KEYS, CODE_SOURCES

_IN_CODE_SOURCE = "Write it below code_source: 'code_source: {KEY: …}'"
_IN_BUILD = "Write it below build: 'build: {KEY: …}'"
_IN_CONTEXT = "Write it below container_context: 'container_context: {KEY: …}'"
_ENVIRONMENT = (
    "For a hybrid location write container_context.k8s.env_vars (or ecs, docker); for a serverless "
    "one set environment variables in the deployment"
)
_BY_CLI = "Remove it: the command line adds it when it deploys"

#: Old, invented or misplaced keys of a location, with what to do.
OF_LOCATION: Mapping[str, str] = {
    **dict.fromkeys(CODE_SOURCES, _IN_CODE_SOURCE),
    "python_module": "Write 'code_source: {module_name: …}', and attribute beside code_source",
    "python_package": "Write 'code_source: {package_name: …}'",
    "code_from": "Write 'code_source: {package_name: …}'",
    "code_location": "Write 'location_name: NAME'",
    "name": "Write 'location_name: NAME'",
    **dict.fromkeys(BUILD_KEYS, _IN_BUILD),
    "dockerfile": "Remove it: the build command takes --dockerfile-path",
    "python_version": "Remove it: the build command takes --python-version",
    "python_requirements": "Remove it: requirements.txt or setup.py of the build directory",
    "requirements": "Remove it: requirements.txt or setup.py of the build directory",
    "env_vars": _ENVIRONMENT,
    "environment_variables": _ENVIRONMENT,
    "env": _ENVIRONMENT,
    "secrets": _ENVIRONMENT,
    "agent_queues": "Write 'agent_queue: NAME': a location has one queue",
    "queue": "Write 'agent_queue: NAME'",
    "k8s": _IN_CONTEXT,
    "ecs": _IN_CONTEXT,
    "docker": _IN_CONTEXT,
    **dict.fromkeys(ADDED_KEYS, _BY_CLI),
}
OF_CODE_SOURCE: Mapping[str, str] = {
    "file_name": "Write 'python_file: …'",
    "file": "Write 'python_file: …'",
    "module": "Write 'module_name: …'",
    "package": "Write 'package_name: …'",
    "python_module": "Write 'module_name: …'",
    "working_directory": "Write it beside code_source, not below it",
    "attribute": "Write it beside code_source, not below it",
    "build": "Write it beside code_source, not below it",
    "executable_path": "Write it beside code_source, not below it",
}
OF_BUILD: Mapping[str, str] = {
    "dockerfile": "Remove it: the build command takes --dockerfile-path",
    "build_args": "Remove it: the step that builds the image takes build arguments",
    "args": "Remove it: the step that builds the image takes build arguments",
    "python_version": "Remove it: the build command takes --python-version",
    "context": "Write 'directory: …'",
    "path": "Write 'directory: …'",
    "image": "Write it beside build, not below it; or 'registry: …' for where images are pushed",
    "tag": "Remove it: each build makes its own tag",
}
OF_TOP_LEVEL: Mapping[str, str] = {
    "deployment": "Remove it: the deploy command names the deployment",
    "deployments": "Remove it: the deploy command names the deployment",
    "resources": "Move it to container_context of the locations that need it",
    "auto_materialize": "Remove it: it is a setting of the deployment",
}
