"""A Dockerfile for a location that has none."""

from __future__ import annotations

import json
from pathlib import Path

from dagstead.build.pythons import Pythons, choose_python
from dagstead.errors import InvalidInputError

#: The files that say what a folder needs, and how uv installs from them.
_INSTALLS = (
    ("pyproject.toml", "."),
    ("setup.py", "."),
    ("setup.cfg", "."),
    ("requirements.txt", "-r requirements.txt"),
)


def dockerfile_for(directory: Path, *, inside: str, pythons: Pythons) -> str:
    """The text of a Dockerfile that installs what a folder's own files ask for.

    Args:
        directory: the folder.
        inside: its path in what Docker gets, ``.`` for the whole of that.
        pythons: the interpreters to choose from.

    Raises:
        InvalidInputError: when the folder says nothing about dependencies: an image without
            Dagster can serve nothing.
    """
    installs = [how for name, how in _INSTALLS if (directory / name).is_file()]
    if not installs:
        msg = (
            f"there is no Dockerfile in {directory.name!r}, and no pyproject.toml, setup.py or "
            "requirements.txt to generate one from. Write one of them, which must install dagster "
            "and dagster-cloud, or name a Dockerfile with --dockerfile LOCATION=PATH."
        )
        raise InvalidInputError(msg)
    chosen = choose_python(directory, directory, asked=None, pythons=pythons)
    arguments = " ".join(dict.fromkeys(installs))
    enter = "" if inside == "." else f"WORKDIR {json.dumps(f'/opt/dagster/app/{inside}')}\n"
    return f"""\
FROM python:{chosen.version}-slim
WORKDIR /opt/dagster/app
RUN pip install --no-cache-dir uv
COPY . .
{enter}\
RUN uv pip install --system --no-cache --compile-bytecode {arguments}
"""
