"""Merging settings, as the official command line does it.

``defaults`` are merged into each location, and a workspace's files into a project's. The rules
are those of ``dagster_cloud_cli.config.merger``: mappings are merged key by key, an empty value
counts as absent, lists are joined without repeats, except for the lists below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dagstead.model.nodes import Entry, Node, NodeKind, mapping, sequence

_Identity = Callable[[Node], object]


def _name_before_equals(item: Node) -> object:
    return (item.text or "").split("=")[0]


def _value_of(key: str) -> _Identity:
    def identity(item: Node) -> object:
        found = item.get(key)
        return None if found is None else found.plain()

    return identity


#: Lists whose items replace each other when these are equal.
_IDENTITIES: Mapping[str, _Identity] = {
    "container_context.docker.env_vars": _name_before_equals,
    "container_context.ecs.env_vars": _name_before_equals,
    "container_context.k8s.env_vars": _name_before_equals,
    "container_context.ecs.run_sidecar_containers": _value_of("name"),
    "container_context.ecs.secrets": _value_of("name"),
    "container_context.ecs.server_sidecar_containers": _value_of("name"),
    "container_context.ecs.volumes": _value_of("name"),
    "container_context.ecs.run_ecs_tags": _value_of("key"),
    "container_context.ecs.server_ecs_tags": _value_of("key"),
    "container_context.k8s.image_pull_secrets": _value_of("name"),
    "container_context.k8s.volumes": _value_of("name"),
    "container_context.k8s.volume_mounts": _value_of("name"),
}
#: Lists: the more specific one replaces the other.
_REPLACED = frozenset(
    f"container_context.k8s.{side}_k8s_config.container_config.{what}"
    for side in ("run", "server")
    for what in ("args", "command")
)

#: A beginning of paths that fits none of them.
_NO_EXCEPTIONS = "dg"


def merge(general: Node, specific: Node) -> Node:
    """What ``specific`` says, on top of what ``general`` says. Places are kept."""
    return _merge(without_nulls(general), without_nulls(specific), "")


def merge_for_dg(general: Node, specific: Node) -> Node:
    """The same for dg, which joins all lists.

    dg hands over what is below ``container_context``, without that word in the paths, so that none
    of the exceptions for lists fits: ``env_vars: [A=1]`` and ``[A=2]`` become ``[A=1, A=2]``.
    """
    return _merge(without_nulls(general), without_nulls(specific), _NO_EXCEPTIONS)


def without_nulls(node: Node) -> Node:
    """The same without empty values of mappings, at any depth."""
    if node.is_mapping:
        kept: dict[object, Entry] = {}
        for each in node.entries:
            # Of a key that occurs twice the last one counts, empty or not.
            kept[each.key.value] = each
        entries = (
            Entry(each.key, without_nulls(each.value))
            for each in kept.values()
            if not each.value.is_null
        )
        return Node(NodeKind.MAPPING, tuple(entries), node.source, node.start, node.end)
    if node.is_sequence:
        items = tuple(without_nulls(each) for each in node.items if not each.is_null)
        return Node(NodeKind.SEQUENCE, items, node.source, node.start, node.end)
    return node


def _merge(general: Node, specific: Node, path: str) -> Node:
    if general.is_mapping and specific.is_mapping:
        return _merge_mappings(general, specific, path)
    if general.is_sequence and specific.is_sequence:
        return _merge_lists(general, specific, path)
    return specific


def _merge_mappings(general: Node, specific: Node, path: str) -> Node:
    merged = {each.key.value: each for each in general.entries}
    for each in specific.entries:
        key = each.key.value
        below = f"{path}.{key}" if path else str(key)
        under = merged.get(key)
        value = each.value if under is None else _merge(under.value, each.value, below)
        merged[key] = Entry(each.key, value)
    return mapping(tuple(merged.values()), specific)


def _merge_lists(general: Node, specific: Node, path: str) -> Node:
    if path in _REPLACED:
        return specific
    identity = _IDENTITIES.get(path)
    if identity is not None:
        replaced = {identity(each) for each in specific.items}
        kept = [each for each in general.items if identity(each) not in replaced]
        return sequence((*kept, *specific.items), specific)
    joined: dict[str, Node] = {}
    for each in (*general.items, *specific.items):
        joined.setdefault(repr(each.plain()), each)
    return sequence(tuple(joined.values()), specific)
