"""What happens in a repository on GitHub, and whether it starts a workflow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.workflow_runner.documents import Filter, Triggers

REPOSITORY = "example/monorepo"
SERVER = "https://github.example"

_GLOB = re.compile(
    r"\\(?P<literal>.)|(?P<deep>\*\*/?)|(?P<any>\*)|(?P<set>\[[^\]]+\])|(?P<sign>[?+])"
)


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened."""

    name: str
    #: The commit that the workflows are taken from.
    sha: str
    ref: str
    #: The files that it is about, relative to the root of the repository.
    changed: tuple[str, ...]
    payload: Mapping[str, Any]
    #: The branches of a pull request.
    head_ref: str = ""
    base_ref: str = ""

    @property
    def branch(self) -> str:
        """The branch whose history of runs it belongs to."""
        return self.head_ref or self.ref.removeprefix("refs/heads/")

    @property
    def head(self) -> str:
        """The commit that a person pushed, which a pull request's own is a merge of."""
        request = self.payload.get("pull_request")
        return str(request["head"]["sha"]) if request else self.sha

    def starts(self, triggers: Triggers) -> bool:
        """Whether a workflow with these triggers is started."""
        match self.name:
            case "push":
                wanted = triggers.push
                return wanted is not None and self._passes(wanted, self.branch)
            case "pull_request":
                wanted = triggers.pull_request
                if wanted is None or self.payload["action"] not in wanted.types:
                    return False
                return self._passes(wanted, self.base_ref)
            case "workflow_dispatch":
                return triggers.workflow_dispatch
            case _:
                message = f"events of the kind {self.name!r} are not known here"
                raise ValueError(message)

    def _passes(self, wanted: Filter, branch: str) -> bool:
        if wanted.branches and not matches_any([branch], wanted.branches):
            return False
        return not wanted.paths or matches_any(self.changed, wanted.paths)


def pull_request_payload(
    *, number: int, action: str, merged: bool, head: tuple[str, str], base: tuple[str, str]
) -> dict[str, Any]:
    """The parts of the event's document that tools read; ``head`` and ``base`` are ref and sha."""
    repository = {"full_name": REPOSITORY, "default_branch": "main"}
    return {
        "action": action,
        "number": number,
        "repository": repository,
        "pull_request": {
            "number": number,
            "state": "closed" if action == "closed" else "open",
            "merged": merged,
            "html_url": f"{SERVER}/{REPOSITORY}/pull/{number}",
            "head": {"ref": head[0], "sha": head[1], "repo": repository},
            "base": {"ref": base[0], "sha": base[1], "repo": repository},
        },
    }


def matches_any(names: Iterable[str], globs: Iterable[str]) -> bool:
    """Whether one of the names is meant by one of the globs of a filter."""
    patterns = [re.compile(_pattern(each)) for each in globs]
    return any(pattern.fullmatch(name) for name in names for pattern in patterns)


def _pattern(glob: str) -> str:
    parts, end = [], 0
    for found in _GLOB.finditer(glob):
        parts.append(re.escape(glob[end : found.start()]))
        end = found.end()
        match found.lastgroup:
            case "literal":
                parts.append(re.escape(found["literal"]))
            case "deep":
                parts.append("(?:.*/)?" if found["deep"].endswith("/") else ".*")
            case "any":
                parts.append("[^/]*")
            case _:
                parts.append(found[0])
    return "".join([*parts, re.escape(glob[end:])])
