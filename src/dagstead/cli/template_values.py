"""``--var`` and ``--values``: what Jinja templates are rendered with."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.errors import InvalidInputError

if TYPE_CHECKING:
    from dagstead.repository.files import TemplateValues

VarOption = Annotated[
    list[str] | None,
    typer.Option("--var", help="NAME=VALUE: render Jinja templates with it.", metavar="N=V"),
]
ValuesOption = Annotated[
    Path | None, typer.Option("--values", help="YAML file with values for Jinja templates.")
]


def template_values(variables: Sequence[str], file: Path | None) -> TemplateValues | None:
    """The values of both options, ``None`` when neither is given.

    Raises:
        InvalidInputError: when one is not of its form.
    """
    if not variables and file is None:
        return None
    from dagstead.repository.files import TemplateValues

    given: dict[str, object] = {}
    if file is not None:
        given.update(_values_of(file))
    for each in variables:
        name, equals, value = each.partition("=")
        if not equals:
            msg = f"--var {each!r} is not of the form NAME=VALUE."
            raise InvalidInputError(msg)
        given[name] = value
    return TemplateValues(variables=given, environment=dict(os.environ))


def _values_of(file: Path) -> Mapping[str, object]:
    import yaml

    try:
        loaded = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        msg = f"The values in {str(file)!r} cannot be read: {error}"
        raise InvalidInputError(msg) from error
    if not isinstance(loaded, dict):
        msg = f"{str(file)!r} has no mapping of names to values."
        raise InvalidInputError(msg)
    return loaded
