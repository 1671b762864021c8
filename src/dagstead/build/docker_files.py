"""The Dockerfile that docker gets, and beside it what of the build context docker leaves out."""

from __future__ import annotations

from pathlib import Path

from dagstead.build.model import DockerPlan
from dagstead.repository.files.outputs import docker_patterns

_IGNORE = ".dockerignore"


def stage(context: Path, plan: DockerPlan, folder: Path) -> Path:
    """Put a copy of the Dockerfile into a folder; its path.

    BuildKit reads ``<Dockerfile>.dockerignore`` instead of the one in the build context. So what
    this tool has written is left out without a change to files of the repository, and the lines
    that count today come first: the last line that fits a path decides.
    """
    name = plan.dockerfile.name if plan.dockerfile is not None else "Dockerfile"
    dockerfile = folder / name
    if plan.dockerfile is not None:
        dockerfile.write_bytes(plan.dockerfile.read_bytes())
    else:
        dockerfile.write_text(plan.generated or "", encoding="utf-8")
    patterns = "".join(f"{each}\n" for each in docker_patterns(context))
    ignore = folder / f"{name}{_IGNORE}"
    ignore.write_bytes(
        _written(context, plan) + b"\n" + patterns.encode("utf-8", "surrogateescape")
    )
    return dockerfile


def _written(context: Path, plan: DockerPlan) -> bytes:
    """What people have written: the file for the Dockerfile alone goes before that for all."""
    candidates = [context / _IGNORE]
    if plan.dockerfile is not None:
        candidates.insert(0, plan.dockerfile.with_name(f"{plan.dockerfile.name}{_IGNORE}"))
    for each in candidates:
        if each.is_file():
            return each.read_bytes()
    return b""
