"""The official command line's verdict on a file of locations, and whether ours is the same."""

from __future__ import annotations

from typing import Any

from dagster_cloud_cli.config.models import load_dagster_cloud_yaml

from dagstead.repository.files import Project
from dagstead.repository.rules.checking import check


def _officially_accepted(text: str) -> dict[str, Any] | None:
    """What the official command line reads, ``None`` when it refuses or crashes."""
    try:
        return load_dagster_cloud_yaml(text).model_dump()
    except Exception:  # noqa: BLE001 - it has many ways to crash
        return None


def assert_same_verdict(project: Project, path: str, text: str) -> None:
    official = _officially_accepted(text)
    refusals = [each for each in check(project) if each.rule.form and each.position.file == path]
    if official is None:
        assert refusals, f"the official command line refuses {path}"
        lines = text.count("\n") + text.count("\r") + 1
        assert all(1 <= each.position.line <= lines for each in refusals)
        assert all(each.position.column >= 1 for each in refusals)
    else:
        assert not refusals, f"the official command line accepts {path}: {refusals}"
        if not official["defaults"]:
            _assert_same_locations(project, path, official["locations"])


def _assert_same_locations(project: Project, path: str, official: list[dict[str, Any]]) -> None:
    ours = [each for each in project.definitions if each.file == path]
    # A location without a name is accepted there and cannot be called by anything.
    named = [each for each in official if each["location_name"]]
    assert [each.name.value for each in ours] == [each["location_name"] for each in named]
    for mine, theirs in zip(ours, named, strict=True):
        assert _value(mine.queue) == theirs["agent_queue"]
        assert _value(mine.image) == theirs["image"]
        assert _value(mine.working_directory) == theirs["working_directory"]
        assert _value(mine.executable_path) == theirs["executable_path"]
        assert _value(mine.attribute) == theirs["attribute"]
        assert _value(mine.container_context) == theirs["container_context"]
        build = theirs["build"] or {}
        assert _value(mine.registry) == build.get("registry")
        assert _value(mine.build_directory) == build.get("directory")
        source = mine.code_source
        given_source = {key: each for key, each in (theirs["code_source"] or {}).items() if each}
        assert ({source.by: source.target.value} if source else {}) == given_source


def _value(each: Any) -> Any:
    return None if each is None else each.value
