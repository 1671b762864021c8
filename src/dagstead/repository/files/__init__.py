"""Reads every family of configuration files of a repository, with the place of each value.

Only ``reader``, ``walk``, ``git``, ``outputs`` and ``templates`` look at the disk.
:func:`read_project` is the door for what files alone say; commands go through
:mod:`dagstead.repository.ci.projects`, where CI has a say, too. It never raises for what is in a
file: locations that can be read are there, and :func:`dagstead.repository.rules.checking.check`
says what is wrong, where, and what to write.

``deployed`` decides which files are in force. The others are in ``Project.read`` and ``left_out``.

>>> project = read_project(Path("."))
>>> for location in project.locations:
...     print(location.position, location.name.value, location.kind, location.queue_name)
"""

from __future__ import annotations

from pathlib import Path

from dagstead.model.families import Family
from dagstead.model.location import Classification, CodeSource, Kind, Location, Origin, Value
from dagstead.model.source import Edit, Position, SourceText
from dagstead.repository.files.project import ConfigFile, Project
from dagstead.repository.files.reader import read_file, read_project
from dagstead.repository.files.templates import TemplateValues

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
