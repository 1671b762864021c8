"""``--var`` and ``--values``: the values that Jinja templates are rendered with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.cli.options.pairs import pairs
from dagstead.errors import InvalidInputError

if TYPE_CHECKING:
    from dagstead.repository.files import TemplateValues


@dataclass(frozen=True, kw_only=True, slots=True)
class TemplateFlags:
    """Values for templates."""

    var: Annotated[
        list[str] | None,
        typer.Option(
            "--var", help="A value for Jinja templates; may be repeated.", metavar="NAME=VALUE"
        ),
    ] = None
    values: Annotated[
        Path | None, typer.Option("--values", help="YAML file with values for Jinja templates.")
    ] = None

    def template_values(self) -> TemplateValues | None:
        """The values of both options, ``None`` when neither is given.

        Raises:
            InvalidInputError: when ``--var`` does not have its form, or the file cannot be read.
        """
        if not self.var and self.values is None:
            return None
        from dagstead.repository.files import TemplateValues

        given = {} if self.values is None else dict(_values_of(self.values))
        given.update(pairs("--var", self.var, form="NAME=VALUE", may_be_empty=True))
        return TemplateValues(variables=given, environment=dict(os.environ))


def _values_of(file: Path) -> Mapping[str, object]:
    import yaml

    try:
        loaded = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        msg = f"The values in {str(file)!r} cannot be read: {error}"
        raise InvalidInputError(msg) from error
    if not isinstance(loaded, dict):
        msg = f"{str(file)!r} is not a mapping of names to values."
        raise InvalidInputError(msg)
    return loaded
