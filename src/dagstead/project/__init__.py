"""A repository on disk, read: its configuration files, code locations, and what is wrong in them.

Every room above may import it. No Dagster here, no network, no code of the repository is run; only
``reader``, ``walk``, ``templates``, the rules about paths, in ``layouts`` the modules ``tree`` and
``journal``, and in ``changes`` the modules ``files`` and ``git`` look at the disk.

:func:`read_project` is the door. It never raises for what is in a file: locations that can be read
are there, and :func:`dagstead.project.checking.check` tells what is wrong, where, and what to write
instead.

>>> project = read_project(Path("."))
>>> for location in project.locations:
...     print(location.position, location.name.value, location.kind, location.queue_name)
"""

from __future__ import annotations

from pathlib import Path

from dagstead.project.families import Family
from dagstead.project.model import (
    Classification,
    CodeSource,
    ConfigFile,
    Kind,
    Location,
    Origin,
    Project,
    Value,
)
from dagstead.project.reader import read_file, read_project
from dagstead.project.source import Edit, Position, SourceText
from dagstead.project.templates import TemplateValues

__all__ = [
    "Classification",
    "CodeSource",
    "ConfigFile",
    "Edit",
    "Family",
    "Kind",
    "Location",
    "Origin",
    "Path",
    "Position",
    "Project",
    "SourceText",
    "TemplateValues",
    "Value",
    "read_file",
    "read_project",
]
