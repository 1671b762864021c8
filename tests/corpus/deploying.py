"""What the official tools of a repository would deploy, read in another way than Dagstead does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from posixpath import normpath
from typing import Any

import yaml

#: The name that the official command line looks for when it gets no other.
USUAL = "dagster_cloud.yaml"
#: Names of files that may be ``dagster_cloud.yaml`` under another name.
CLOUD_NAMES = re.compile(r"dagster[_-]cloud([._-].*)?\.ya?ml")

_EXPRESSION = re.compile(r"\$\{\{\s*(?:env\.(\w+)|[^}]*)\s*\}\}|\$\{?(\w+)\}?")
_OPTION = re.compile(r"--(project-dir|target-path|dagster-cloud-yaml-path|location-file)[ =](\S+)")
_DG = re.compile(r"dg-deploy-init|\bplus deploy\b")


@dataclass(frozen=True, kw_only=True, slots=True)
class Deploying:
    """The files that are deployed from."""

    #: ``dagster_cloud.yaml`` files, relative to the repository.
    files: frozenset[str]
    #: Whether nobody can know: nothing deploys, and no file is where the official tools look.
    is_open: bool
    #: The folders that dg deploys.
    dg_folders: frozenset[str]


def deploying(folder: Path) -> Deploying:
    """Read the workflows of a repository, and look for files where they say."""
    there = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.y*ml")
        if CLOUD_NAMES.fullmatch(path.name) and ".github" not in path.parts
    }
    texts = [path.read_text(encoding="utf-8") for path in _workflows(folder)]
    targets = [target for text in texts for target in _targets(text)]
    patterns = {target.file for target in targets if not target.by_dg}
    files = {each for each in there if any(fnmatch(each, pattern) for pattern in patterns)}
    dg_folders = {target.folder for target in targets if target.by_dg}
    if not files and not dg_folders and USUAL in there:
        files = {USUAL}
    is_open = not files and not dg_folders
    return Deploying(
        files=frozenset(there if is_open else files),
        is_open=is_open,
        dg_folders=frozenset(dg_folders),
    )


def _workflows(folder: Path) -> Iterator[Path]:
    return (each for each in (folder / ".github" / "workflows").glob("*.y*ml") if each.is_file())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Target:
    """Where one step looks; ``*`` stands for what is not known before it runs."""

    folder: str
    file: str
    by_dg: bool


def _targets(text: str) -> Iterator[_Target]:
    try:
        workflow = yaml.safe_load(text)
    except yaml.YAMLError:
        return
    if not isinstance(workflow, dict):
        return
    for job in (workflow.get("jobs") or {}).values():
        steps = [each for each in job.get("steps") or [] if isinstance(each, dict)]
        paths = [str((each.get("with") or {}).get("path") or "") for each in steps]
        checkouts = [normpath(each) for each in paths if each]
        for step in steps:
            variables = {**_env(workflow), **_env(job), **_env(step)}
            yield from _named(step, variables, checkouts)


def _env(part: Mapping[str, Any]) -> dict[str, str]:
    given = part.get("env")
    return {key: str(value) for key, value in given.items()} if isinstance(given, dict) else {}


def _named(
    step: Mapping[str, Any], variables: Mapping[str, str], checkouts: Sequence[str]
) -> Iterator[_Target]:
    given = step.get("with") or {}
    command = _filled(f"{given.get('command', '')} {step.get('run', '')}", variables)
    text = f"{step.get('uses', '')} {command}"
    if "dagster" not in text:
        return
    options = {key.replace("-", "_"): value for key, value in _OPTION.findall(command)}
    named = {**{key: _filled(str(value), variables) for key, value in given.items()}, **options}
    folder = named.get("project_dir", ".")
    file = named.get("dagster_cloud_file") or named.get("location_file")
    beside = f"{folder}/{named.get('dagster_cloud_yaml_path', USUAL)}"
    by_dg = _DG.search(text) is not None
    if file or by_dg or named.keys() & {"project_dir", "dagster_cloud_yaml_path"}:
        yield _Target(
            folder=_in_repository(named.get("target_path", folder), checkouts),
            file=_in_repository(file or beside, checkouts),
            by_dg=by_dg,
        )


def _filled(text: str, variables: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2] or ""
        known = {"GITHUB_WORKSPACE": ".", **variables}.get(name, "*")
        return _EXPRESSION.sub("*", known)

    return _EXPRESSION.sub(value, text)


def _in_repository(path: str, checkouts: Sequence[str]) -> str:
    """A path of a job as one of the repository, which the job may check out in a folder."""
    normal = normpath(path.strip("\"'"))
    for checkout in checkouts:
        if normal == checkout:
            return "."
        normal = normal.removeprefix(f"{checkout}/")
    return normal
