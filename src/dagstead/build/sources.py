"""What goes into the PEX file of a location's own code.

The layout is that of the official builder (``dagster_cloud_cli.core.pex_builder.source``): packages
of the repository at the root, as they would be installed, and the build directory as it is in
``working_directory/root``, where code servers and runs are started.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dagstead.build.legacy_builds import prepared
from dagstead.build.tree import files_below, tidied
from dagstead.build.uv import PythonTarget, Uv
from dagstead.errors import BuildError
from dagstead.repository.files.outputs import Outputs

_WORKING_DIRECTORY = "working_directory"
_ROOT = f"{_WORKING_DIRECTORY}/root"

#: Folders of a wheel's ``.data`` that are installed beside the packages.
_LIBRARIES = ("purelib", "platlib")


def source_content(
    directory: Path, packages: Sequence[Path], *, target: PythonTarget, uv: Uv, scratch: Path
) -> Mapping[str, Path]:
    """The files of a location's own code, by their names in the PEX file.

    Args:
        directory: the folder to build.
        packages: folders of packages of the repository that it needs, its own among them. Where
            two have the same file, the first one's counts.
        target: whose Python builds the packages.
        uv: builds them.
        scratch: a folder for what is built; files of the content are in it.

    Raises:
        BuildStepError: when a package cannot be built.
    """
    marker = scratch / "working_directory.py"
    marker.write_text("", encoding="utf-8")
    content = {f"{_WORKING_DIRECTORY}/__init__.py": marker}
    for number, package in enumerate(packages):
        unpacked = scratch / f"package-{number}"
        cleared = prepared(package, scratch / f"cleared-{number}")
        _build(package, cleared, unpacked, target=target, uv=uv)
        for file in sorted(unpacked.rglob("*")):
            if file.is_file():
                content.setdefault(file.relative_to(unpacked).as_posix(), file)
    for name, path in _with_links(directory, ""):
        content[f"{_ROOT}/{name}"] = path
    return content


def _build(package: Path, inside: Path, into: Path, *, target: PythonTarget, uv: Uv) -> None:
    wheels = into.with_name(f"{into.name}-wheel")
    with tidied(inside):
        uv.build_wheel(package, target, wheels, inside=inside)
    (wheel,) = wheels.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(into)
    if target.is_elsewhere and not wheel.name.endswith("-none-any.whl"):
        msg = (
            f"The package in {package.name!r} has compiled parts ({wheel.name}), which are made "
            "for this machine only. Build it on a machine of the platform that it is for."
        )
        raise BuildError(msg)
    for data in into.glob("*.data"):
        for library in _LIBRARIES:
            if (data / library).is_dir():
                shutil.copytree(data / library, into, dirs_exist_ok=True)
        shutil.rmtree(data)


def _with_links(
    folder: Path, prefix: str, above: frozenset[Path] = frozenset()
) -> Iterator[tuple[str, Path]]:
    """Files, and what links lead to: a PEX file has no links. Those that lead nowhere are left."""
    seen = above | {folder.resolve()}
    for file in files_below(folder):
        name = f"{prefix}{file.name}"
        if file.path.is_file():
            yield name, file.path.resolve()
            continue
        target = file.path.resolve()
        is_ours = Outputs.below(target.parent).is_own(target.name)
        if target.is_dir() and target not in seen and not is_ours:
            yield from _with_links(target, f"{name}/", seen)
