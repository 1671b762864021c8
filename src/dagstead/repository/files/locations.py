"""From entries in the form of ``dagster_cloud.yaml`` to locations."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from dagstead.model.cloud_keys import CODE_SOURCES
from dagstead.model.families import Family
from dagstead.model.location import CodeSource, Location, Origin, Value
from dagstead.model.nodes import Node, NodeKind
from dagstead.repository.files.classify import classify
from dagstead.repository.files.families import variant_of
from dagstead.repository.files.merge import merge
from dagstead.repository.files.project import ConfigFile


def locations_of(file: ConfigFile) -> Iterator[Location]:
    """The locations of a ``dagster_cloud.yaml``; entries without a name are left out."""
    if file.root is None:
        return
    listed = file.root.get("locations")
    if listed is None:
        return
    defaults = file.root.get("defaults")
    for entry in listed.items:
        if not entry.is_mapping or not _text(entry.get("location_name")):
            continue
        general = defaults if defaults is not None and defaults.is_mapping else None
        merged = entry if general is None else merge(general, entry)
        yield make_location(
            merged,
            written=entry,
            file=file,
            general=general,
            general_origin=Origin.DEFAULTS,
        )


def make_location(
    node: Node,
    *,
    written: Node,
    file: ConfigFile,
    general: Node | None,
    general_origin: Origin,
    uv_workspace: str | None = None,
) -> Location:
    """A location from its entry.

    Args:
        node: the entry, merged; it must have a ``location_name`` that is text.
        written: the entry as it is written.
        file: where it is written.
        general: what it was merged with.
        general_origin: what that is.
        uv_workspace: the workspace of uv around a project of dg.
    """
    inherited = set() if general is None else {id(each) for each in general.walk()}
    values = _Values(node, inherited, general_origin)
    name = values.text("location_name")
    if name is None:
        msg = "the entry has no location_name"
        raise ValueError(msg)
    return Location(
        name=name,
        family=file.family,
        file=file.path,
        folder=posixpath.dirname(file.path),
        variant=variant_of(file.path) if file.family is Family.CLOUD else "",
        uv_workspace=uv_workspace,
        queue=values.text("agent_queue"),
        registry=values.text("build", "registry"),
        build_directory=values.text("build", "directory"),
        working_directory=values.text("working_directory"),
        code_source=_code_source(values),
        image=values.text("image"),
        container_context=_container_context(node, values),
        executable_path=values.text("executable_path"),
        attribute=values.text("attribute"),
        classification=classify(node),
        node=node,
        written=written,
    )


class _Values:
    """Reads texts of an entry, and where they come from."""

    def __init__(self, entry: Node, inherited: set[int], general_origin: Origin) -> None:
        self._entry = entry
        self._inherited = inherited
        self._general_origin = general_origin

    def text(self, *keys: str) -> Value[str] | None:
        node = self._entry.get(*keys)
        text = _text(node)
        if node is None or text is None:
            return None
        return Value(value=text, node=node, origin=self.origin(node))

    def origin(self, node: Node) -> Origin:
        return self._general_origin if id(node) in self._inherited else Origin.OWN


def _code_source(values: _Values) -> CodeSource | None:
    for by in CODE_SOURCES:
        target = values.text("code_source", by)
        if target is not None and target.value:
            return CodeSource(by=by, target=target)
    return None


def _container_context(entry: Node, values: _Values) -> Value[dict[str, object]] | None:
    node = entry.get("container_context")
    if node is None or not node.is_mapping:
        return None
    return Value(value=node.plain(), node=node, origin=values.origin(node))


def _text(node: Node | None) -> str | None:
    return None if node is None or node.kind is not NodeKind.SCALAR else node.text
