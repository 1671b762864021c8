"""What shows that a file installs an agent, whether the rest of it is understood or not."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dagstead.model.nodes import Node
from dagstead.repository.agents.chart_installs import REPOSITORY

_NAME = re.compile(r"(?:^|/)(?:dagster-(?:cloud|plus)|dagstead)-agent(?:$|[:@/?])")
_IN_TEXT = re.compile(
    r"(?:dagster-(?:cloud|plus)|dagstead)-agent(?![\w-])|helm-user-cloud|DagsterCloudAgentInstance"
    r"|^\s*dagsterCloud\s*:"
)
_CLASS = "DagsterCloudAgentInstance"
#: Keys whose value names what is installed.
_KEYS = re.compile(
    r"chart|chart_?(?:name|ref)|image|(?:.*_)?image(?:_?(?:name|uri))?|uri|url|source|repository"
    r"|repo|repourl|oci_?repository|newname",
    re.IGNORECASE,
)
#: Beside these, ``name`` is that of a chart.
_CHART_KEYS = ("repo", "repository", "releaseName", "valuesInline", "valuesFile")
#: Keys of tools that only watch versions.
_WATCHED = re.compile(r"match.*|dep_?name|package_?names?|ignore.*", re.IGNORECASE)
#: Kinds and keys that say where charts come from, and install none.
_SOURCES = frozenset({"HelmRepository", "OCIRepository", "Repository", "AppProject"})
_REPOSITORIES = frozenset({"repositories", "sourceRepos"})


def installs(root: Node) -> Iterator[Node]:
    """The values of a document that name the agent's chart, its image or its class."""
    kind = root.get("kind")
    group = root.get("apiVersion")
    is_source = group is not None and (group.text or "").startswith("source.toolkit.fluxcd.io/")
    if not is_source and (kind is None or kind.text not in _SOURCES):
        yield from _marks(root, "", root)


def is_named_in(text: str) -> bool:
    """Whether a text that cannot be read names the chart, the image or the class."""
    return any(
        _IN_TEXT.search(line)
        for line in text.splitlines()
        if not line.lstrip().startswith(("#", "//"))
    )


def _marks(node: Node, key: str, around: Node) -> Iterator[Node]:
    text = node.text
    if text is not None:
        if _is_mark(text, key, around):
            yield node
        return
    for entry in node.entries:
        name = str(entry.key.value)
        if name not in _REPOSITORIES and not _WATCHED.fullmatch(name):
            yield from _marks(entry.value, name, node)
    for item in node.items:
        yield from _marks(item, key, around)


def _is_mark(text: str, key: str, around: Node) -> bool:
    if any(each.isspace() for each in text):
        return _CLASS in text
    if _CLASS in text or (REPOSITORY in text and "/" in text):
        return True
    is_chart = key == "name" and any(around.get(each) is not None for each in _CHART_KEYS)
    is_key = "/" in text or is_chart or _KEYS.fullmatch(key) is not None
    return is_key and _NAME.search(text) is not None
