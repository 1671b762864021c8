"""A Dockerfile for a location that has none."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Sequence
from pathlib import Path

from dagstead.build.pythons import PythonChooser
from dagstead.errors import InvalidInputError

#: The files that say what a folder needs, and how uv installs from them.
_INSTALLS = (
    ("pyproject.toml", "."),
    ("setup.py", "."),
    ("setup.cfg", "."),
    ("requirements.txt", "-r requirements.txt"),
)
_GIT = re.compile(r"\bgit\+(?:ssh|https?|git|file)://|\bgit\s*=\s*[\"']")

_BEFORE = "dagster_cloud_pre_install.sh"
_AFTER = "dagster_cloud_post_install.sh"
#: What the official serverless images run before and after packages are installed
#: (``dagster_cloud_cli/commands/serverless/Dockerfile``).
HOOKS = (_BEFORE, _AFTER)


def unused_hooks(names: Sequence[str], location: str) -> str:
    """A remark on these beside PEX files, which nothing is installed for; no full stop."""
    verb = "is" if len(names) == 1 else "are"
    return (
        f"{' and '.join(names)} {verb} not run, as a PEX file holds Python packages only: what "
        "else the code needs must be on the pool's machine, or in an image "
        f"(--strategy '{location}=docker')"
    )


def dockerfile_for(directory: Path, *, inside: str, shown: str, chooser: PythonChooser) -> str:
    """The text of a Dockerfile that installs what a folder's own files ask for.

    Args:
        directory: the folder.
        inside: its path in what Docker gets, ``.`` for the whole of that.
        shown: its path, for people.
        chooser: chooses its Python.

    Raises:
        InvalidInputError: when the folder says nothing about dependencies: an image without
            Dagster can serve nothing.
    """
    installs = {name: how for name, how in _INSTALLS if (directory / name).is_file()}
    if not installs:
        msg = (
            f"there is no Dockerfile in {shown!r}, and no pyproject.toml, setup.py or "
            "requirements.txt to generate one from. Write one of them, which must install dagster "
            "and dagster-cloud, name another folder in build.directory, or name a Dockerfile with "
            "--dockerfile LOCATION=PATH."
        )
        raise InvalidInputError(msg)
    chosen = chooser.choose(directory, directory, asked=None)
    arguments = " ".join(dict.fromkeys(installs.values()))
    has_git = any(_GIT.search(_text(directory / name)) for name in installs)
    mount = "--mount=type=ssh " if has_git else ""
    lines = [f"FROM python:{chosen.version}-slim"]
    if has_git:
        lines += [
            "RUN apt-get update \\",
            "    && apt-get install --yes --no-install-recommends git openssh-client \\",
            "    && rm -rf /var/lib/apt/lists/*",
        ]
    if (directory / _BEFORE).is_file():
        # As in the official image: at the root, before there is anything else of the folder.
        before = json.dumps([posixpath.join(inside, _BEFORE), "/"])
        lines += [f"COPY {before}", f"RUN chmod +x /{_BEFORE} && /{_BEFORE}"]
    lines += [
        "WORKDIR /opt/dagster/app",
        "RUN pip install --no-cache-dir uv",
        "COPY . .",
        *([] if inside == "." else [f"WORKDIR {json.dumps(f'/opt/dagster/app/{inside}')}"]),
        f"RUN {mount}uv pip install --system --no-cache --compile-bytecode {arguments}",
    ]
    if (directory / _AFTER).is_file():
        lines.append(f"RUN chmod +x {_AFTER} && ./{_AFTER}")
    return "\n".join(lines) + "\n"


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
