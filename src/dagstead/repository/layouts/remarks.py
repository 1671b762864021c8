"""What a person should know of a migration that is right in itself."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from dagstead.model.families import Family
from dagstead.model.location import Kind
from dagstead.model.source import SourceText
from dagstead.repository.files.families import variant_of
from dagstead.repository.files.project import Project
from dagstead.repository.files.reader import with_everything
from dagstead.repository.layouts.mentions import mentions
from dagstead.repository.layouts.model import FileTree, Layout, MigrationRequest
from dagstead.repository.layouts.targets import Move


def remarks(
    project: Project,
    moves: Sequence[Move],
    request: MigrationRequest,
    files: Mapping[str, SourceText | None],
    tree: FileTree,
) -> Iterator[str]:
    """What a person should know, as sentences."""
    if not files:
        return
    if request.layout is not Layout.DG:
        yield from _about_dg(moves, request)
        yield from _contexts(moves, tree)
    if any(re.search(r"^defaults\s*:", each.text, re.MULTILINE) for each in files.values() if each):
        yield (
            "The official command line reads defaults in `dagster-cloud ci template` only; "
            "`ci init` and `ci deploy` do as if they were not there."
        )
    for file in project.files_of(Family.CLOUD):
        if variant_of(file.path) and file.parsed.root is not None:
            yield (
                f"{file.path} stays: it is the configuration of a deployment of its own, and a "
                "layout is about the file without such a name."
            )
    gone = [path for path, text in files.items() if text is None]
    if gone or moves:
        yield from mentions(project, moves, request, gone)


def _about_dg(moves: Sequence[Move], request: MigrationRequest) -> Iterator[str]:
    """What becomes of dg's tables, and what dg does otherwise."""
    going = [each.location for each in moves if each.location.family is Family.DG]
    if not going:
        return
    if request.remove_dg:
        yield "dg's tables are removed, too; `dg dev` needs them. Without --remove-dg they stay."
    else:
        yield (
            "dg's tables stay, as `dg dev` needs them, and `dagstead check` reports when the two "
            "differ. To remove them as well, add --remove-dg; after --write, run --undo first."
        )


def _contexts(moves: Sequence[Move], tree: FileTree) -> Iterator[str]:
    """Dockerfiles that dg finds, and that nothing names in a ``dagster_cloud.yaml``."""
    for each in moves:
        location = each.location
        context, code = location.image_context, location.code_folder
        if location.kind is Kind.HYBRID and context != code and not each.stays:
            name, path = location.name.value, posixpath.join(code, "Dockerfile")
            build = (
                f"`dagstead build --dockerfile '{name}={path}'`, or `docker build --file {path}`"
            )
            start = f"{name!r} is built from {context!r}, the workspace of uv, with"
            unnamed = "dagster_cloud.yaml cannot name a Dockerfile"
            if tree.read(path) is not None:
                yield f"{start} {path}, and {unnamed}. Build it with {build}."
            else:
                yield (
                    f"{start} a Dockerfile that is generated for {code!r}, and {unnamed}. Before "
                    f"you migrate, save it with `dagstead plan --location '{name}' "
                    f"--show-dockerfile > {path}`; then build with {build}."
                )


def no_longer_deployed(before: Project, after: Project) -> Iterator[str]:
    """Locations that would not be deployed any more, though a file defines them."""
    known = {each.name.value for each in after.locations}
    missing = [each.name.value for each in before.locations if each.name.value not in known]
    whole = {each.name.value: each.file for each in with_everything(after).locations}
    reasons = {each.path: each.sentence for each in after.left_out}
    for name in missing:
        why = reasons.get(whole.get(name, ""), "")
        yield f"{name!r} would no longer be deployed unless CI names its file. {why}".rstrip()
