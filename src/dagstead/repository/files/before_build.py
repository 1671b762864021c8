"""``before-build`` of ``[tool.dagstead]``: what a repository makes itself before it is built."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagstead.errors import InvalidInputError
from dagstead.repository.files.toml_files import TomlFiles


@dataclass(frozen=True, kw_only=True, slots=True)
class Preparation:
    """Commands of the repository's own that make what a build needs."""

    #: Where they are written, relative to the folder that was looked below.
    file: str
    #: Where they are run, likewise.
    folder: str
    #: One after the other, each for a shell of its own.
    commands: tuple[str, ...]

    def __str__(self) -> str:
        """A remark without a full stop."""
        listed = " and ".join(f"`{each}`" for each in self.commands)
        return f"before the build, {self.file} runs {listed}"


class PreparationFinder:
    """Finds the commands of build folders. Every file is read once."""

    def __init__(
        self, repository: Path, project_dir: str, documents: TomlFiles | None = None
    ) -> None:
        """Look below a folder.

        Args:
            repository: the folder.
            project_dir: where looking upwards ends, relative to it.
            documents: what was read already.
        """
        self._repository = repository
        self._project_dir = project_dir
        self._documents = documents or TomlFiles()

    def find(self, directory: str) -> Preparation | None:
        """The commands of the nearest ``pyproject.toml``, from a build folder upwards.

        Args:
            directory: the folder to build, relative to the folder that is looked below.

        Raises:
            InvalidInputError: when they are not a list of texts.
        """
        folder = directory
        while True:
            file = posixpath.normpath(posixpath.join(folder, "pyproject.toml"))
            commands = _commands(self._documents.get(f"{self._repository}/{file}"), file)
            if commands:
                return Preparation(file=file, folder=folder or ".", commands=commands)
            if folder in {"", ".", "/", self._project_dir}:
                return None
            folder = posixpath.dirname(folder)


def _commands(document: Any, name: str) -> tuple[str, ...]:
    for key in ("tool", "dagstead", "before-build"):
        document = document.get(key) if isinstance(document, dict) else None
    if document is None:
        return ()
    if not isinstance(document, list) or not all(isinstance(each, str) for each in document):
        msg = f'{name}: [tool.dagstead] before-build must be a list of texts: ["…"].'
        raise InvalidInputError(msg)
    return tuple(document)
