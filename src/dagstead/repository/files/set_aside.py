"""Files that are no configuration of this repository, whatever their names are.

Templates and fixtures of tests hold what others are to read, and some names are those of several
tools. Such a file counts when CI names it.
"""

from __future__ import annotations

import posixpath
import re

from dagstead.repository.files.project import ConfigFile

#: A name that Cookiecutter, Copier or another templating tool is to fill in.
_TEMPLATE_NAME = re.compile(r"\{\{.*\}\}|\{%.*%\}|\[\[.*\]\]|<%.*%>|__\w*cookiecutter\w*__")
#: A folder whose files such a tool fills in, where they have something to fill in.
_TEMPLATE_FOLDER = re.compile(
    r"_*templates?_*|skeletons?|scaffold(?:s|ing)?|boilerplates?|blueprints?|cookiecutter|copier",
    re.IGNORECASE,
)
_MARK = re.compile(r"\{\{|\{%|\[\[ |<%")
_FIXTURES = re.compile(
    r"_*fixtures?_*|_*tests_*|__snapshots__|test[-_]?(?:data|repos?|projects?|cases?|fixtures?)",
    re.IGNORECASE,
)
_EXAMPLES = re.compile(r"examples?|demos?|samples?|docs?|playground", re.IGNORECASE)

#: Keys of a ``dagster.yaml``, which an instance or an agent reads.
_INSTANCE_KEYS = frozenset(
    {
        "compute_logs",
        "dagster_cloud_api",
        "event_log_storage",
        "instance_class",
        "local_artifact_storage",
        "run_coordinator",
        "run_launcher",
        "run_storage",
        "schedule_storage",
        "storage",
        "user_code_launcher",
    }
)
_AGENT_KEYS = frozenset({"dagster_cloud_api", "instance_class", "user_code_launcher"})
#: What each of these tools cannot do without.
_OTHER_TOOLS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"dagsterCloud"}), "values of the agent's Helm chart"),
    (frozenset({"dagsterCloudAgent"}), "values of the agent's Helm chart"),
    (frozenset({"apiVersion", "kind"}), "a Kubernetes manifest"),
    (frozenset({"jobs", "on"}), "a GitHub workflow"),
    (frozenset({"services"}), "a compose file"),
    (frozenset({"load_from"}), "a workspace.yaml of open-source Dagster"),
)


def why_set_aside(path: str, text: str = "") -> str | None:
    """Why nothing in the folders of a path is configuration; ``None`` where it may be.

    ``text`` is that of the file, where it is known.
    """
    is_filled_in = _MARK.search(text) is not None
    for name in posixpath.dirname(path).split("/"):
        if _TEMPLATE_NAME.search(name) or (is_filled_in and _TEMPLATE_FOLDER.fullmatch(name)):
            return "it is part of a template"
        if _FIXTURES.fullmatch(name):
            return "it is an input of tests"
    return None


def is_example(path: str) -> bool:
    """Whether a path lies in a folder of examples, which a repository may deploy or not."""
    return any(_EXAMPLES.fullmatch(name) for name in posixpath.dirname(path).split("/"))


def other_tool(file: ConfigFile) -> str | None:
    """What a file with the name of a ``dagster_cloud.yaml`` is instead, ``None`` for such a one."""
    keys = _keys(file)
    if "locations" in keys:
        return None
    if keys & _INSTANCE_KEYS:
        return "a dagster.yaml"
    return next((name for needed, name in _OTHER_TOOLS if needed <= keys), None)


def is_of_agent(file: ConfigFile) -> bool:
    """Whether what a file holds instead is the configuration of an agent."""
    return bool(_keys(file) & _AGENT_KEYS) and other_tool(file) is not None


def _keys(file: ConfigFile) -> frozenset[str]:
    if file.root is None or not file.root.is_mapping:
        return frozenset()
    # YAML 1.1 reads the key of a workflow's triggers as a boolean.
    return frozenset(
        "on" if each.key.value is True else str(each.key.value) for each in file.root.entries
    )
