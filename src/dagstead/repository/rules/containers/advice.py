"""What to write in place of what agents refuse in ``container_context``."""

from __future__ import annotations

from collections.abc import Iterable

from dagstead.model.nodes import Node
from dagstead.model.words import nearest
from dagstead.repository.rules.containers.schema import Schema, Type


def advice_for_key(key: str, kind: Type, path: str, schema: Schema) -> str:
    """What to write for a key that its mapping does not have.

    Args:
        key: as it is written.
        kind: what the mapping may hold.
        path: the mapping, from ``container_context`` on.
        schema: what agents read.
    """
    fields = kind["fields"]
    meant = _near(key, fields)
    if meant is not None:
        return f"Did you mean {meant!r}?"
    for inner in ("server_k8s_config", "run_k8s_config"):
        found = _near(key, fields.get(inner, {}).get("fields", ()))
        if found is not None:
            return f"Write '{found}: …' below run_k8s_config or server_k8s_config"
    own = path.removeprefix("container_context.").partition(".")[0]
    for platform, other in schema.platforms.items():
        if platform != own and key in other["fields"]:
            return f"Remove it: agents read it below {platform} only. {_known(fields)}"
    return _known(fields)


def example_of(name: str, node: Node, kind: str) -> str:
    """How a value of another type is written right."""
    value = node.value
    if kind == "text" and isinstance(value, bool | int | float):
        written = str(value).lower() if isinstance(value, bool) else str(value)
        return f'Put quotes around it: "{written}"'
    if kind == "text" and node.is_mapping and len(node.entries) == 1:
        entry = node.entries[0]
        return f"Write '{entry.key.value}={entry.value.value}'" if "env" in name else "Write text"
    plain = _without_quotes(node.text or "", kind)
    if plain is not None:
        return f"Write it without quotes: {plain}"
    return {"text": "Write text", "truth": "Write true or false"}.get(kind, "Write a number")


def _without_quotes(text: str, kind: str) -> str | None:
    lowered = text.strip().lower()
    if kind == "truth":
        return {"true": "true", "yes": "true", "false": "false", "no": "false"}.get(lowered)
    return lowered if kind == "whole" and lowered.isdecimal() else None


def _near(key: str, known: Iterable[str]) -> str | None:
    words = list(known)
    longer = [each for each in words if each.startswith(f"{key}_")]
    return nearest(key, words) or (min(longer, key=len) if longer else None)


def _known(fields: Iterable[str]) -> str:
    return f"Known are {', '.join(sorted(fields))}"
