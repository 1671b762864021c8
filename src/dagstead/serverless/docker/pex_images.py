"""Images for PEX locations: a base image with what is in the PEX files.

Dependencies and the project's own code are unpacked as for the other backend, each into a folder of
its own, and each in a layer: a deploy that changes only code makes a small one.
"""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import docker.errors
import pex.version
from dagster_cloud.workspace.docker.utils import docker_client_from_env

from dagstead.errors import PexError
from dagstead.serverless.docker import labels
from dagstead.serverless.docker.daemon import advice_on_full_disk
from dagstead.serverless.docker.fetching import is_here
from dagstead.serverless.home import remove
from dagstead.serverless.unpacking import check_end

if TYPE_CHECKING:
    from dagstead.serverless.docker.fetching import ImageFetcher
    from dagstead.serverless.docker.image_notes import ImageNotes
    from dagstead.serverless.docker_choice import DockerChoice
    from dagstead.serverless.downloads import PexFiles
    from dagstead.serverless.home import PoolHome
    from dagstead.serverless.pex_set import PexSet

_ROOT = "/opt/dagstead"
_CODE = f"{_ROOT}/code"
#: The interpreter of an image's environment.
PYTHON = f"{_CODE}/bin/python"
_BUILD = "/opt/dagstead-build"
_TOOL = Path(pex.version.__file__).parent
_OUTPUT_LINES = 25
#: Unpacks one PEX file, with the tool that the other backend has.
_UNPACK = (
    f"RUN PYTHONPATH={_BUILD}/tool python3 -m pex.cli venv create --pex-repository "
    f"{_BUILD}/packed.pex --dest-dir {{folder}} --pex-root {_BUILD}/root --collisions-ok "
    "--non-hermetic-scripts"
)
_LAYER = """
FROM {tool} AS unpacked
LABEL {stage}=unpacked
COPY packed.pex {build}/
{unpack}
FROM {parent}
COPY --from=unpacked {folder} {folder}
"""
_SOURCE = """
FROM {tool} AS unpacked
LABEL {stage}=unpacked
COPY packed.pex link.py {build}/
{unpack}
RUN ["{python}", "-I", "{build}/link.py", "{folder}"]
FROM {parent}
COPY --from=unpacked {folder} {folder}
ENV PATH={path}
WORKDIR {folder}/work
ENTRYPOINT []
RUN ["{python}", "-c", "import dagster, dagster_cloud"]
"""
#: Whatever user the base image has may not write where packages are.
_TOOLBOX = """
FROM {base}
USER root
COPY pex {build}/tool/pex
"""
#: Puts the layers behind the environment's own packages, and a link to the project's files.
_LINK = """
import pathlib, sys, sysconfig
folder = pathlib.Path(sys.argv[1])
packages = pathlib.Path(sysconfig.get_path("purelib"))
version = packages.parent.name
lines = [
    f"import site; site.addsitedir({f'{layer}/lib/{version}/site-packages'!r})\\n"
    for layer in LAYERS
]
target = packages / "dagstead_dependencies.pth"
target.unlink(missing_ok=True)
target.write_text("".join(lines))
work = packages / "working_directory" / "root"
(folder / "work").symlink_to(work if work.is_dir() else folder, target_is_directory=True)
"""


@dataclass(frozen=True, kw_only=True)
class PexImages:
    """The images of a pool's PEX locations. Safe to use from several threads and processes."""

    choice: DockerChoice
    home: PoolHome
    files: PexFiles
    fetcher: ImageFetcher
    notes: ImageNotes

    def ensure(self, pex_set: PexSet, base: str | None) -> str:
        """The name of the image with some PEX files, made now if it is not there yet.

        Args:
            pex_set: the files.
            base: the image to put them into, in place of the pool's own.

        Raises:
            PexError: a file cannot be fetched or unpacked, or there is no Dagster in it.
            ContainerError: there is no base image.
            docker.errors.DockerException: the daemon is away.
        """
        version = pex_set.python_version or "{}.{}".format(*sys.version_info)
        base = base or self.choice.base_image.replace("{python}", version)
        tool, parent, folders = self._tool(base), base, list[str]()
        parts = [base, tool]
        for name in pex_set.dependencies:
            folder = f"{_ROOT}/layers/{_digest(name)}"
            dockerfile = _LAYER.format(
                tool=tool,
                stage=labels.STAGE,
                build=_BUILD,
                unpack=_UNPACK.format(folder=folder),
                parent=parent,
                folder=folder,
            )
            parent = self._built("layer", dockerfile, name, {}, parts)
            parts.append(parent)
            folders.append(folder)
        path = ":".join(f"{folder}/bin" for folder in (_CODE, *folders))
        dockerfile = _SOURCE.format(
            tool=tool,
            stage=labels.STAGE,
            build=_BUILD,
            unpack=_UNPACK.format(folder=_CODE),
            python=PYTHON,
            folder=_CODE,
            parent=parent,
            path=f"{path}:$PATH",
        )
        link = f"LAYERS = {folders!r}\n{_LINK}"
        return self._built("code", dockerfile, pex_set.source, {"link.py": link}, parts)

    def _tool(self, base: str) -> str:
        """An image with the PEX tool, from which nothing but what it unpacks is taken."""
        self.notes.needed(base)
        if not is_here(base):
            self.fetcher.fetch(base)
        found = docker_client_from_env().images.get(base)
        name = f"dagstead-tool:{_digest(f'{found.id} {pex.version.__version__}')}"
        if not is_here(name):
            dockerfile = _TOOLBOX.format(base=base, build=_BUILD)
            self._build(name, dockerfile, {}, {"pex": _TOOL})
        self.notes.brought(name)
        return name

    def _built(
        self,
        kind: str,
        dockerfile: str,
        packed: str,
        texts: Mapping[str, str],
        parts: Sequence[str],
    ) -> str:
        digest = _digest("\n".join((dockerfile, packed, *texts.values())))
        name = f"dagstead-{kind}:{digest}"
        with self.home.lock(f"image-{digest[:2]}"):
            self.notes.needed(name)
            if not is_here(name):
                file = self.home.scratch / f"{uuid4().hex}-{packed}"
                try:
                    self.files.fetch(packed, file)
                    check_end(packed, file)
                    self._build(name, dockerfile, texts, {"packed.pex": file}, packed)
                finally:
                    remove(file)
            self.notes.brought(name, parts)
        return name

    def _build(
        self,
        name: str,
        dockerfile: str,
        texts: Mapping[str, str],
        files: Mapping[str, Path],
        packed: str = "",
    ) -> None:
        with (self.home.scratch / f"context-{uuid4().hex}").open("w+b") as context:
            Path(context.name).unlink()
            _write_context(context, {"Dockerfile": dockerfile, **texts}, files)
            context.seek(0)
            try:
                docker_client_from_env().images.build(
                    fileobj=context,
                    custom_context=True,
                    tag=name,
                    labels={labels.POOL: self.choice.pool, labels.PEX: packed},
                    # What is in the files is a user's.
                    network_mode="none",
                    rm=True,
                    forcerm=True,
                )
            except docker.errors.BuildError as error:
                raise _not_built(packed, error) from error


def _write_context(target: Any, texts: Mapping[str, str], files: Mapping[str, Path]) -> None:
    with tarfile.open(fileobj=target, mode="w") as tar:
        for name, text in texts.items():
            content = text.encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        for name, path in files.items():
            tar.add(path, name, filter=_without_compiled)


def _without_compiled(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in entry.name else entry


def _not_built(packed: str, error: docker.errors.BuildError) -> PexError:
    output = "".join(str(line.get("stream", "")) for line in error.build_log)
    last = "\n".join(output.splitlines()[-_OUTPUT_LINES:])
    next_step = advice_on_full_disk(f"{error}\n{last}") or (
        "Most often it was built for another Python or platform, or has no dagster or "
        "dagster-cloud in it: compare `--python-version` of the build with the pool's base image."
    )
    return PexError(
        f"No image could be made of PEX file {packed}: {error}. {next_step} The build said:\n{last}"
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
