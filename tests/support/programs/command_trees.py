"""The commands of the official command lines with their options, as JSON; runs where they are."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

#: Its commands come from the packages of the project that it runs in.
_OPEN = "scaffold"


def main() -> None:
    """Print the commands of the programs that are installed."""
    programs: dict[str, Callable[[], Any]] = {"dagster-cloud": _cloud, "dg": _dg}
    found = {}
    for name, make in programs.items():
        try:
            found[name] = dict(_walk(make(), ()))
        except ImportError:
            continue
    sys.stdout.write(json.dumps(found))


def _cloud() -> Any:
    app = import_module("dagster_cloud_cli.entrypoint").app
    return import_module("typer.main").get_command(app)


def _dg() -> Any:
    try:
        return import_module("dagster_dg_cli.cli").create_dg_cli()
    except ImportError:
        # Its name before 1.11.
        return import_module("dagster_dg.cli").create_dg_cli()


def _walk(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    name = " ".join(path)
    described: dict[str, Any] = {"options": sorted(_options(command))}
    inner = _inner(command) if hasattr(command, "list_commands") else None
    if inner is not None:
        described["group"] = True
    if name.startswith(_OPEN) or command.context_settings.get("ignore_unknown_options"):
        described["open"] = True
    yield name, described
    for key, each in sorted((inner or {}).items()):
        yield from _walk(each, (*path, key))


def _inner(group: Any) -> dict[str, Any]:
    """The commands of a group; none of one that finds them out by its options."""
    context = import_module("click").Context(group)
    try:
        names = group.list_commands(context)
    except TypeError:
        return {}
    found = {each: group.get_command(context, each) for each in names}
    return {name: each for name, each in found.items() if each is not None}


def _options(command: Any) -> Iterator[str]:
    yield "--help"
    for each in command.params:
        if each.param_type_name == "option":
            yield from (*each.opts, *each.secondary_opts)


if __name__ == "__main__":
    main()
