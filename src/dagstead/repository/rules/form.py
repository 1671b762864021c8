"""DS11x: keys and values that the official model refuses (``dagster_cloud_cli.config.models``)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from dagstead.model.cloud_keys import (
    BUILD_KEYS,
    CODE_SOURCES,
    DEFAULTS_KEYS,
    LOCATION_KEYS,
    TEXT_KEYS,
    TOP_LEVEL_KEYS,
)
from dagstead.model.nodes import Entry, Node, NodeKind, kind_of
from dagstead.model.source import Edit
from dagstead.model.words import is_same_word, nearest
from dagstead.repository.files.project import Project
from dagstead.repository.rules.base import Violation, replacing, rule
from dagstead.repository.rules.keys import OF_BUILD, OF_CODE_SOURCE, OF_LOCATION, OF_TOP_LEVEL
from dagstead.repository.rules.visit import (
    entries_and_defaults,
    location_entries,
    roots,
    unique_entries,
)

_GOOD = """
    locations:
      - location_name: etl
        code_source:
          package_name: etl
    """


@rule(
    "DS110",
    "unknown-key",
    form=True,
    fixable=True,
    reason="""
        The official command line refuses a file with a key that it does not know, and so does the
        server. A key that differs from a known one in hyphens or capitals only is renamed by
        `--fix`.
        """,
    bad="""
        locations:
          - location_name: etl
            code_source:
              package_name: etl
            working-directory: src
        """,
    good="""
        locations:
          - location_name: etl
            code_source:
              package_name: etl
            working_directory: src
        """,
)
def unknown_key(project: Project) -> Iterator[Violation]:
    """Every key is a known one."""
    for place, known, old, node in _closed_mappings(project):
        for entry in unique_entries(node):
            key = entry.key
            if key.value not in known and key.value not in old and not _hidden(key):
                yield _unknown(place, known, entry, node)


@rule(
    "DS111",
    "old-or-misplaced-key",
    form=True,
    reason="""
        These keys come from `workspace.yaml`, from old drafts, from other tools' files or from
        another level of this file. The official command line refuses all of them. The message
        says where the setting belongs.
        """,
    bad="""
        locations:
          - location_name: etl
            python_file: etl.py
        """,
    good={
        "dagster_cloud.yaml": """
            locations:
              - location_name: etl
                code_source:
                  python_file: etl.py
            """,
        "etl.py": "",
        "setup.py": "",
    },
)
def old_key(project: Project) -> Iterator[Violation]:
    """A setting is in the place where it belongs."""
    for place, known, old, node in _closed_mappings(project):
        for entry in unique_entries(node):
            key = entry.key.value
            if key in old and key not in known:
                yield Violation(
                    position=entry.key.position,
                    message=f"{key!r} is not a key of {place}",
                    instead=old[key]
                    .replace("{key}", str(key))
                    .replace("{{", "{")
                    .replace("}}", "}"),
                )


@rule(
    "DS112",
    "invisible-character",
    form=True,
    fixable=True,
    reason="""
        Text that was copied from a PDF or a chat can hold soft hyphens and spaces without width.
        The key looks right and is another one.
        """,
    bad={
        "dagster_cloud.yaml": """
            locations:
              - location\u00ad_name: etl
                code_source:
                  package_name: etl
            """
    },
    good=_GOOD,
)
def invisible_character(project: Project) -> Iterator[Violation]:
    """A key has no character that cannot be seen."""
    for _, _, _, node in _closed_mappings(project):
        for entry in unique_entries(node):
            hidden = _hidden(entry.key)
            if hidden:
                names = ", ".join(f"U+{ord(each):04X}" for each in hidden)
                plain = "".join(each for each in str(entry.key.value) if each not in hidden)
                written = str(entry.key.value)
                yield Violation(
                    position=entry.key.position,
                    message=f"the key {plain!r} holds a character that cannot be seen ({names})",
                    instead=f"Type the key anew: {plain}",
                    edits=() if node.entry(plain) else replacing(entry.key, written, plain),
                )


@rule(
    "DS113",
    "no-location-name",
    form=True,
    reason="Commands, agents and the UI call a location by its name. There is no default.",
    bad="""
        locations:
          - code_source:
              package_name: etl
        """,
    good=_GOOD,
)
def no_location_name(project: Project) -> Iterator[Violation]:
    """Every location has a name."""
    for entry in location_entries(project):
        if entry.entry("location_name") is None and not _has_misspelt_name(entry):
            yield Violation(
                position=entry.position,
                message="this location has no name",
                instead="Add 'location_name: NAME'",
            )


@rule(
    "DS114",
    "wrong-type",
    form=True,
    reason="""
        YAML turns `1`, `yes` and `3.10` into numbers and booleans where quotes are missing, and a
        line that is indented wrongly into a mapping. The official command line takes text only
        where it wants text.
        """,
    bad="""
        locations:
          - location_name: 2024
            code_source:
              package_name: etl
        """,
    good="""
        locations:
          - location_name: "2024"
            code_source:
              package_name: etl
        """,
)
def wrong_type(project: Project) -> Iterator[Violation]:
    """Every value has the type that its key expects."""
    for entry in location_entries(project):
        yield from _texts(entry, ("location_name",), "location", may_be_empty=False)
        yield from _mapping(entry, "code_source")
        yield from _texts(entry.get("code_source"), CODE_SOURCES, "code_source")
    for entry in entries_and_defaults(project):
        yield from _texts(entry, TEXT_KEYS, "location")
        yield from _mapping(entry, "build")
        yield from _texts(entry.get("build"), BUILD_KEYS, "build")
        yield from _mapping(entry, "container_context")
        yield from _text_keys(entry.get("container_context"))
    for root in roots(project):
        yield from _mapping(root, "defaults")


@rule(
    "DS115",
    "code-source-not-one",
    form=True,
    reason="""
        The definitions of a location are found in one way: by `package_name`, `module_name`,
        `python_file` or `autoload_defs_module_name`. A value that is empty does not count.
        """,
    bad="""
        locations:
          - location_name: etl
            code_source:
              package_name: etl
              module_name: etl.definitions
        """,
    good=_GOOD,
)
def code_source_not_one(project: Project) -> Iterator[Violation]:
    """`code_source` names exactly one source."""
    for entry in location_entries(project):
        source = entry.entry("code_source")
        if source is None or not source.value.is_mapping:
            continue
        written = [each for each in unique_entries(source.value) if _counts(each.value)]
        given = [each for each in written if each.key.value in CODE_SOURCES]
        # Another rule reports keys that do not exist.
        if len(given) > 1 or not written:
            names = ", ".join(repr(each.key.value) for each in given)
            yield Violation(
                position=source.key.position,
                message=f"code_source names {names}" if given else "code_source names nothing",
                instead=f"Keep one of {', '.join(CODE_SOURCES)}",
            )


@rule(
    "DS116",
    "duplicate-name",
    form=True,
    reason="A name stands for one location of a deployment. The command line refuses the second.",
    bad="""
        locations:
          - location_name: etl
            code_source:
              package_name: etl
          - location_name: etl
            code_source:
              package_name: reports
        """,
    good="""
        locations:
          - location_name: etl
            code_source:
              package_name: etl
          - location_name: reports
            code_source:
              package_name: reports
        """,
)
def duplicate_name(project: Project) -> Iterator[Violation]:
    """A name is used once in a file."""
    for root in roots(project):
        listed = root.get("locations")
        first: dict[str, Node] = {}
        for entry in () if listed is None else listed.items:
            name = entry.get("location_name")
            if name is None or name.text is None:
                continue
            if name.text in first:
                yield Violation(
                    position=name.position,
                    message=f"{name.text!r} names a location in line "
                    f"{first[name.text].position.line} already",
                    instead="Give each location a name of its own",
                )
            first.setdefault(name.text, name)


_Closed = tuple[str, Sequence[str], Mapping[str, str], Node]


def _closed_mappings(project: Project) -> Iterator[_Closed]:
    """Mappings with a fixed set of keys: where, the known ones, the explained ones, the node."""
    for root in roots(project):
        if root.entry("locations") is not None:
            yield "this file", TOP_LEVEL_KEYS, OF_TOP_LEVEL, root
        defaults = root.get("defaults")
        if defaults is not None and defaults.is_mapping:
            yield "defaults", DEFAULTS_KEYS, OF_LOCATION, defaults
    for entry in location_entries(project):
        yield "a location", LOCATION_KEYS, OF_LOCATION, entry
        source = entry.get("code_source")
        if source is not None and source.is_mapping:
            yield "code_source", CODE_SOURCES, OF_CODE_SOURCE, source
    for entry in entries_and_defaults(project):
        build = entry.get("build")
        if build is not None and build.is_mapping:
            yield "build", BUILD_KEYS, OF_BUILD, build


def _unknown(place: str, known: Sequence[str], entry: Entry, node: Node) -> Violation:
    key = str(entry.key.value)
    meant = nearest(key, known)
    edits: tuple[Edit, ...] = ()
    if meant and is_same_word(key, meant) and node.entry(meant) is None and not entry.merged:
        edits = replacing(entry.key, key, meant)
    return Violation(
        position=entry.key.position,
        message=f"{key!r} is not a key of {place}",
        instead=f"Did you mean {meant!r}?" if meant else f"Known are {', '.join(known)}",
        edits=edits,
    )


def _hidden(key: Node) -> str:
    """The characters of a key that show nothing."""
    return "".join(c for c in key.text or "" if unicodedata.category(c) == "Cf")


def _has_misspelt_name(entry: Node) -> bool:
    """Whether another rule already reports it."""
    keys = [each.key for each in entry.entries]
    return any(_hidden(key) or is_same_word(str(key.value), "location_name") for key in keys)


def _counts(node: Node) -> bool:
    return node.kind is NodeKind.BROKEN or bool(node.value)


def _texts(
    node: Node | None, keys: Sequence[str], place: str, *, may_be_empty: bool = True
) -> Iterator[Violation]:
    for key in keys if node is not None else ():
        value = node.get(key) if node is not None else None
        if value is None or value.kind is NodeKind.BROKEN or value.text is not None:
            continue
        if may_be_empty and value.is_null:
            continue
        written = value.source.text[value.start : value.end]
        one_line = value.kind is NodeKind.SCALAR and written and "\n" not in written
        yield Violation(
            position=value.position,
            message=f"{key} of {place} is {kind_of(value)}, not text",
            instead=f'Write {key}: "{written}"' if one_line else f"Write '{key}: …' with a text",
        )


def _mapping(node: Node, key: str) -> Iterator[Violation]:
    entry = node.entry(key)
    known = (NodeKind.MAPPING, NodeKind.BROKEN)
    if entry is not None and entry.value.kind not in known and not entry.value.is_null:
        yield Violation(
            position=entry.value.position,
            message=f"{key} is {kind_of(entry.value)}, not a mapping",
            instead=f"Write the settings of {key} below it, indented, as lines of 'key: value'",
        )


def _text_keys(context: Node | None) -> Iterator[Violation]:
    for entry in () if context is None else context.entries:
        if entry.key.text is None:
            yield Violation(
                position=entry.key.position,
                message=f"the key {entry.key.value!r} of container_context is not text",
                instead="Write the name of a platform: k8s, ecs or docker",
            )
