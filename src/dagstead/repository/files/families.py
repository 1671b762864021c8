"""Which file is what: by its name first, then by what it says."""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache

from dagstead.model.families import Family

_CLOUD = re.compile(r"dagster[_-]cloud(?:[_.-](?P<variant>[\w.-]+))?\.ya?ml")
_VALUES = re.compile(r".*(?:values|agent|helm|dagster).*\.ya?ml")
_TEXT = re.compile(
    r"(?:docker-)?compose.*\.ya?ml|.*\.(?:sh|bash|env)|\.env.*|[Mm]akefile|[Jj]ustfile"
    r"|Dockerfile.*|.*task.*\.json|Jenkinsfile.*"
    r"|(?:azure-pipelines|bitbucket-pipelines|buildspec|cloudbuild|\.drone|\.travis)[\w.-]*\.ya?ml"
)
_DOCUMENT = re.compile(
    r"(?i:.*(?:readme|agent|helm|deploy|install|setup|queue|hybrid|kubernetes|k8s|dagster).*\.md)"
)
#: Folders of other CI systems.
_PIPELINE_FOLDERS = frozenset({".buildkite", ".circleci", ".semaphore", ".woodpecker"})
_INTERESTING = re.compile(
    rf"pyproject\.toml|dg\.toml|build\.yaml|container_context\.yaml|\.gitlab-ci\.yml"
    rf"|Chart\.yaml"
    rf"|(?:{_CLOUD.pattern})|(?:{_VALUES.pattern})|(?:{_TEXT.pattern})".replace("?P<variant>", "?:")
)

_LOCATIONS = re.compile(r"^[\s-]*(?:locations|location_name|defaults)\W*:", re.MULTILINE)
_AGENT = re.compile(r"^dagster_cloud_api\s*:", re.MULTILINE)
_INSTANCE = re.compile(r"^instance_class\s*:", re.MULTILINE)
_AGENT_CLASS = "DagsterCloudAgentInstance"
#: What another tool's file has that installs an agent.
_INSTALLED = re.compile(
    r"dagster-(?:cloud|plus)-agent|dagstead-agent|helm-user-cloud|DagsterCloudAgentInstance"
    r"|dagsterCloud|dagster_cloud_api"
)
_INSTALLED_BYTES = re.compile(_INSTALLED.pattern.encode())
#: Files of other tools, by the ends of their names.
_OF_TOOLS = (".yaml", ".yml", ".json", ".tf", ".hcl", ".template", ".tftpl", ".tpl", ".gotmpl")
#: Programs that describe infrastructure, below a folder with one of the files of their tools.
_PROGRAMS = (".ts", ".js", ".py", ".go", ".cs", ".java", ".kt")
PROGRAM_TOOLS = frozenset({"Pulumi.yaml", "Pulumi.yml", "cdk.json", "cdktf.json"})
#: Kinds of documents and keys of tools that hold values of a chart among other things.
_TOOL = re.compile(
    r"^(?:apiVersion|kind|helmCharts|releases|repositories|Resources|AWSTemplateFormatVersion)\s*:",
    re.MULTILINE,
)
_DOCUMENTED = re.compile(rf"DAGSTER_CLOUD_AGENT_QUEUES|{_INSTALLED.pattern}")
_HELM = re.compile(r"^[ \t]*dagsterCloud(?:Agent)?\s*:", re.MULTILINE)
_CHART = re.compile(r"^name\s*:\s*\W?(?:dagster-(?:cloud|plus)|dagstead)-agent\b", re.MULTILINE)
_AGENTS = re.compile(r"^agents\s*:", re.MULTILINE)
_COMPOSE = re.compile(r"dagster-(?:cloud|plus)-agent|dagstead-agent|dagster-cloud\W+agent\b")
_TOOL_DG = re.compile(
    r"^\s*\[{1,2}\s*tool\s*(?:\.\s*(?:dg\b|dagstead\b|uv\s*(?:\]|\.\s*workspace\b))|\])",
    re.MULTILINE,
)
_BUILD = re.compile(r"^(?:registry|directory|locations|agent_queue)\s*:", re.MULTILINE)
_COMMANDS = re.compile(
    r"DAGSTER_CLOUD_AGENT_QUEUES|dagsterCloud|dagster[_-]cloud[\w.-]*\.ya?ml"
    r"|dg\s+plus\s+deploy|dagster-cloud\s+ci\b|dagstead\s+deploy"
    rf"|{_COMPOSE.pattern}"
)
_FILE_OPTION = re.compile(
    r"dagster[-_]cloud[-_](?:yaml[-_]path|file)|location[-_]file|--workspace\b", re.IGNORECASE
)
_YAML_NAME = re.compile(r"([\w.-]+\.ya?ml)\b")
_PIPELINE = re.compile(r"dagster-cloud|dg plus|dagster_cloud|dagsterCloud|DAGSTER_CLOUD")


@lru_cache(maxsize=10_000)
def is_interesting(name: str) -> bool:
    """Whether a file of this name is worth opening. It is asked of every file; names repeat."""
    pattern = _DOCUMENT if name.endswith(".md") else _INTERESTING
    return pattern.fullmatch(name) is not None


def may_install(name: str) -> bool:
    """Whether a file of this name may be one of another tool that installs an agent."""
    return name.endswith(_OF_TOOLS)


def is_program(name: str) -> bool:
    """Whether a file of this name may be a program that describes infrastructure."""
    return name.endswith(_PROGRAMS)


def names_agent(data: bytes) -> bool:
    """Whether a file has a word that one which installs an agent needs."""
    if b"agste" not in data and b"helm-user" not in data:
        # None of the words is in it, which a search for a few bytes finds out sooner.
        return False
    return _INSTALLED_BYTES.search(data) is not None


def is_cloud(name: str) -> bool:
    """Whether a name is that of a ``dagster_cloud.yaml`` or of a variant."""
    return _CLOUD.fullmatch(name) is not None


def is_workflow(path: str) -> bool:
    """Whether CI runs this file."""
    if not path.endswith((".yml", ".yaml")):
        return False
    folder, _, name = path.rpartition("/")
    return name == ".gitlab-ci.yml" or folder.endswith(".github/workflows")


def is_pipeline(path: str) -> bool:
    """Whether another CI system runs this file, which has an ordinary name in its folder."""
    if not path.endswith((".yml", ".yaml")):
        return False
    return path.rpartition("/")[0].rpartition("/")[2] in _PIPELINE_FOLDERS


def gives_other_name(text: str) -> bool:
    """Whether a text of CI may give the tools a configuration file with a name of its own."""
    if not _FILE_OPTION.search(text):
        return False
    names = (each[1] for each in _YAML_NAME.finditer(text))
    return any(not is_cloud(each) for each in names)


def variant_of(path: str) -> str:
    """``prod`` for ``dagster_cloud_prod.yaml``, empty for the file without such a suffix."""
    found = _CLOUD.fullmatch(posixpath.basename(path))
    return (found["variant"] or "") if found else ""


def family_of(path: str, text: str) -> Family | None:
    """What a file is, ``None`` for one that says nothing about locations or agents."""
    if is_workflow(path):
        about = _PIPELINE.search(text) or _INSTALLED.search(text)
        return Family.WORKFLOW if about else None
    if is_pipeline(path):
        return Family.TEXT if _COMMANDS.search(text) else None
    name = posixpath.basename(path)
    cloud = _CLOUD.fullmatch(name)
    if cloud and (not cloud["variant"] or _LOCATIONS.search(text)):
        return Family.CLOUD
    return _dg_family(name, text) or _agent_family(name, text)


def _dg_family(name: str, text: str) -> Family | None:
    match name:
        case "dg.toml":
            return Family.DG
        case "pyproject.toml":
            return Family.DG if _TOOL_DG.search(text) else None
        case "build.yaml":
            return Family.DG_BUILD if _BUILD.search(text) else None
        case "container_context.yaml":
            return Family.DG_CONTEXT
        case _:
            return None


def _agent_family(name: str, text: str) -> Family | None:
    if _DOCUMENT.fullmatch(name):
        return Family.DOCUMENT if _DOCUMENTED.search(text) else None
    found = _yaml_family(name, text) if name.endswith((".yaml", ".yml")) else None
    if found is not None:
        return found
    may = may_install(name) or is_program(name)
    is_installation = may and _INSTALLED.search(text) is not None
    if _TEXT.fullmatch(name) and _COMMANDS.search(text):
        return Family.INSTALLATION if is_installation and name.endswith(".json") else Family.TEXT
    return Family.INSTALLATION if is_installation else None


def _yaml_family(name: str, text: str) -> Family | None:
    if name == "Chart.yaml" and _CHART.search(text):
        return Family.CHART
    if name.startswith("agents.") and _AGENTS.search(text):
        return Family.AGENTS
    if _AGENT.search(text) or (_AGENT_CLASS in text and _INSTANCE.search(text)):
        return Family.AGENT
    if _HELM.search(text):
        return Family.INSTALLATION if _TOOL.search(text) else Family.HELM
    return None
