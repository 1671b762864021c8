"""The words of docker's commands, and what is read from its answers. Nothing is started here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dagstead.build.model import DockerPlan, PlannedBuild, Platform
from dagstead.build.options import DockerOptions

_PUSHED = re.compile(r"digest: (sha256:[0-9a-f]{64})")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_VERSION = re.compile(r"version v?(\d+)\.")

#: From this version on, the command line builds with BuildKit only through buildx.
_FIRST_WITHOUT_BUILDKIT = 23

_PLATFORMS = {Platform.X86_64: "linux/amd64", Platform.AARCH64: "linux/arm64"}

#: Builds with BuildKit; and pushes an image, not a list with one image and its attestations, which
#: some places that run images do not take.
VARIABLES: Mapping[str, str] = {"DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Docker:
    """A docker command line that has BuildKit."""

    program: str
    #: Whether it builds with buildx, which pushes by itself.
    has_buildx: bool


def has_buildkit(version: str) -> bool:
    """Whether a docker without buildx has BuildKit in it, from what ``--version`` says."""
    found = _VERSION.search(version)
    return found is not None and int(found[1]) < _FIRST_WITHOUT_BUILDKIT


def references(planned: PlannedBuild, plan: DockerPlan, options: DockerOptions) -> tuple[str, ...]:
    """The names of an image: its own first, then the one where later builds find its layers."""
    keeps_layers = options.cache and options.push
    return (plan.reference, *((_layers(planned, plan),) if keeps_layers else ()))


def build_command(
    docker: Docker,
    planned: PlannedBuild,
    plan: DockerPlan,
    options: DockerOptions,
    dockerfile: Path,
    metadata: Path,
) -> tuple[str, ...]:
    """The command that builds an image, and with buildx also pushes it.

    Build arguments are named only: docker takes their values from its environment, where the list
    of processes does not show them.
    """
    words = [docker.program, *(("buildx",) if docker.has_buildx else ()), "build"]
    words += ("--progress", "plain", "--file", str(dockerfile))
    if plan.platform is not None:
        words += ("--platform", _PLATFORMS[plan.platform])
    for name in options.arguments:
        words += ("--build-arg", name)
    for secret in options.secrets:
        words += ("--secret", secret)
    for each in options.ssh:
        words += ("--ssh", each)
    for reference in references(planned, plan, options):
        words += ("--tag", reference)
    words += _layer_words(docker, planned, plan, options)
    if docker.has_buildx:
        words += ("--push", "--metadata-file", str(metadata)) if options.push else ("--load",)
    return (*words, str(planned.directory))


def pushed_digest(text: str) -> str | None:
    """The digest that ``docker push`` prints."""
    found = _PUSHED.search(text)
    return found[1] if found else None


def built_digest(metadata: Path) -> str | None:
    """The digest of what buildx has pushed; ``None`` where it has not written any."""
    try:
        digest = json.loads(metadata.read_text(encoding="utf-8")).get("containerimage.digest")
    except (OSError, ValueError, AttributeError):
        return None
    return digest if isinstance(digest, str) and _DIGEST.fullmatch(digest) else None


def _layer_words(
    docker: Docker, planned: PlannedBuild, plan: DockerPlan, options: DockerOptions
) -> Iterator[str]:
    """Layers are kept in the image itself: every builder and registry can do that."""
    if not options.cache:
        return
    yield from ("--cache-from", _layers(planned, plan))
    if options.push:
        if docker.has_buildx:
            yield from ("--cache-to", "type=inline")
        else:
            yield from ("--build-arg", "BUILDKIT_INLINE_CACHE=1")


def _layers(planned: PlannedBuild, plan: DockerPlan) -> str:
    return f"{plan.repository}:buildcache-{planned.slug}"
