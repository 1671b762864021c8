"""The kinds of repositories there are, and every way to make CI files for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dagstead.repository.ci.provider import Provider
from dagstead.repository.files import Project, read_project
from dagstead.repository.workflows.generation import generate
from dagstead.repository.workflows.options import DeployTool, Options, Pattern
from tests.unit.repository.ci.repositories import (
    HYBRID,
    PREBUILT,
    SERVERLESS,
    monorepo,
    repository,
)

EVERY_OPTIONS = (
    *(
        Options(pattern=pattern, tool=tool)
        for pattern in Pattern
        for tool in (DeployTool.CLI, DeployTool.OFFICIAL_ACTION)
    ),
    *(
        Options(pattern=pattern, tool=DeployTool.DAGSTEAD)
        for pattern in Pattern
        if pattern is not Pattern.ROUTED
    ),
    *(
        Options(provider=Provider.GITLAB, pattern=pattern)
        for pattern in (Pattern.EVERYTHING, Pattern.ROUTED)
    ),
    Options(provider=Provider.GITLAB, tool=DeployTool.DAGSTEAD),
)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A kind of repository."""

    make: Callable[[Path], Project]
    #: Whether the official action, which neither renders nor quotes, can deploy it.
    for_action: bool = True

    def options(self) -> Iterator[Options]:
        """The ways that it can be deployed."""
        for each in EVERY_OPTIONS:
            if self.for_action or each.tool is not DeployTool.OFFICIAL_ACTION:
                yield each


def _a_file_for_each(root: Path) -> Project:
    repository(root, SERVERLESS)
    for folder, location in (("images", HYBRID), ("more", SERVERLESS | {"location_name": "tides"})):
        repository(root / folder, location)
        (root / folder / ".git").rmdir()
    return read_project(root)


def _registries(root: Path) -> Project:
    hosts = ("ghcr.io/o/x", "owner/x", "1234.dkr.ecr.eu-west-1.amazonaws.com/x", "localhost:5000/x")
    locations = [
        {"location_name": f"image-{number}", "build": {"directory": ".", "registry": host}}
        for number, host in enumerate(hosts)
    ]
    return repository(root, *locations)


def _templates(root: Path) -> Project:
    build = {"directory": "./digits", "registry": "{{ registry }}/digits"}
    return repository(root, SERVERLESS, HYBRID | {"build": build}, PREBUILT)


def _in_a_folder(root: Path) -> Project:
    repository(root / "data&code", SERVERLESS, HYBRID)
    (root / "data&code" / ".git").rename(root / ".git")
    return read_project(root / "data&code")


def _odd_names(root: Path) -> Project:
    names = ("R2AE Project", "it's", 'a "b" $c `d`', "-x", "yes", "a: b", "été #1")
    return repository(root, *(SERVERLESS | {"location_name": name} for name in names))


SHAPES: Mapping[str, Shape] = {
    "mixed": Shape(make=monorepo),
    "a-file-for-each": Shape(make=_a_file_for_each),
    "serverless": Shape(make=lambda root: repository(root, SERVERLESS)),
    "registries": Shape(make=_registries),
    "prebuilt": Shape(make=lambda root: repository(root, SERVERLESS, HYBRID, PREBUILT)),
    "defaults": Shape(
        make=lambda root: repository(
            root, {"location_name": "digits"}, defaults={"build": {"registry": "host.example/all"}}
        ),
        for_action=False,
    ),
    "templates": Shape(make=_templates, for_action=False),
    "in-a-folder": Shape(make=_in_a_folder, for_action=False),
    "odd-names": Shape(make=_odd_names, for_action=False),
}


def write_every_file(folder: Path) -> dict[Provider, list[Path]]:
    """The files of every shape, made in every way, below a folder; of equal ones the first."""
    found: dict[Provider, list[Path]] = {provider: [] for provider in Provider}
    known: set[str] = set()
    for name, shape in SHAPES.items():
        project = shape.make(folder / name / "repository")
        for options in shape.options():
            for file in generate(project, options):
                if file.text in known:
                    continue
                known.add(file.text)
                way = f"{options.pattern}-{options.tool}"
                path = folder / name / way / file.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(file.text, encoding="utf-8")
                found[options.provider].append(path)
    return found
