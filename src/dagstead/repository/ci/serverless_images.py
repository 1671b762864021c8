"""Which serverless locations are built as images: by the repository's settings, or as CI does it.

PEX files are the rule. An image is what a repository asks for: with ``serverless-images`` of
``[tool.dagstead]`` for locations that have a Dockerfile, or because its own workflows build images.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import Any

from dagstead.errors import InvalidInputError
from dagstead.model.location import Kind, Location
from dagstead.repository.ci.acts import BuildMethod
from dagstead.repository.ci.inspection import Inspection
from dagstead.repository.files.project import Project
from dagstead.repository.files.toml_files import TomlFiles

#: The key of ``[tool.dagstead]``.
SERVERLESS_IMAGES = "serverless-images"
_FILE = "pyproject.toml"


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerlessImages:
    """Decides for single locations of a project."""

    project: Project
    #: What its workflows do.
    inspection: Inspection
    documents: TomlFiles
    #: Whether somebody asks for images right now, whatever the settings say.
    asked: bool = False
    #: Workflows that do not count, by their paths.
    ignored: frozenset[str] = frozenset()

    def why(self, location: Location) -> str | None:
        """Why a location is built as an image, without a full stop; ``None`` for a PEX file.

        Raises:
            InvalidInputError: the setting is neither true nor false.
        """
        if location.kind is not Kind.SERVERLESS:
            return None
        file = self._setting_file(location)
        if (self.asked or file is not None) and self._has_dockerfile(location):
            where = "--serverless-images" if self.asked else f"{SERVERLESS_IMAGES} of {file}"
            return f"has a Dockerfile: {where} says that those are images"
        return self._as_ci_does(location)

    def _as_ci_does(self, location: Location) -> str | None:
        acts = [
            act
            for act in self.inspection.builds_of(location)
            if act.position.file not in self.ignored
        ]
        ways = {act.strategy for act in acts}
        if ways != {BuildMethod.SERVERLESS_IMAGE}:
            return None
        return f"CI builds an image for it ({acts[0].position.file}:{acts[0].position.line})"

    def _has_dockerfile(self, location: Location) -> bool:
        return (self.project.root / location.code_folder / "Dockerfile").is_file()

    def _setting_file(self, location: Location) -> str | None:
        """The nearest file that has the setting, from the code upwards, if it is true there."""
        folder = location.code_folder
        while True:
            name = posixpath.normpath(posixpath.join(folder, _FILE))
            value = self._value(name)
            if value is not None:
                return name if value else None
            if folder in {"", ".", "/"} or folder.startswith(".."):
                return None
            folder = posixpath.dirname(folder)

    def _value(self, name: str) -> bool | None:
        found: Any = self.documents.get(self.project.root / name)
        for key in ("tool", "dagstead", SERVERLESS_IMAGES):
            found = found.get(key) if isinstance(found, dict) else None
        if found is None or isinstance(found, bool):
            return found
        msg = f"{name}: [tool.dagstead] {SERVERLESS_IMAGES} must be true or false."
        raise InvalidInputError(msg)
