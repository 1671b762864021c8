"""``workspace.yaml`` of open-source Dagster, as locations of ``dagster_cloud.yaml``.

The keys are those of ``dagster._core.workspace.config_schema``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from dagstead.model.nodes import Node
from dagstead.model.source import SourceText
from dagstead.repository.files.yaml_reader import read_yaml

FILE = "workspace.yaml"
#: The kinds of entries, with the key of each that says what to load, and what it is called here.
_KINDS: Mapping[str, tuple[str, str]] = {
    "python_file": ("relative_path", "python_file"),
    "python_module": ("module_name", "module_name"),
    "python_package": ("package_name", "package_name"),
}
_SAME = ("attribute", "working_directory", "executable_path")
_PLAIN = re.compile(r"[\w./-]+")


def of_workspace(root: Path) -> str:
    """What a folder with such a file and no ``dagster_cloud.yaml`` needs; empty without one."""
    try:
        source = SourceText.decode(FILE, (root / FILE).read_bytes())
    except (OSError, UnicodeDecodeError):
        return ""
    document = read_yaml(source).root
    listed = None if document is None else document.get("load_from")
    if listed is None:
        return ""
    text = f"{FILE} is a file of open-source Dagster, and no deploy reads it."
    lines = [line for each in (listed.items or (listed,)) for line in _location(each)]
    if not lines:
        return f"{text} Write dagster_cloud.yaml, with the image of its code servers as image."
    same = "\n".join(["locations:", *lines])
    return f"{text} Write dagster_cloud.yaml beside it, such as:\n\n{same}\n"


def _location(entry: Node) -> Iterator[str]:
    for kind, (key, written) in _KINDS.items():
        given = entry.get(kind)
        what = None if given is None else given if given.text else given.get(key)
        if given is None or what is None or not what.text:
            continue
        named = given.get("location_name")
        yield f"  - location_name: {_value(_name(what.text) if named is None else named.text)}"
        yield "    code_source:"
        yield f"      {written}: {_value(what.text)}"
        for same in _SAME:
            found = given.get(same)
            if found is not None and found.text:
                yield f"    {same}: {_value(found.text)}"


def _name(what: str) -> str:
    path = PurePosixPath(what)
    return path.stem if path.suffix == ".py" else what.partition(".")[0]


def _value(text: str | None) -> str:
    return text if text and _PLAIN.fullmatch(text) else json.dumps(text)
