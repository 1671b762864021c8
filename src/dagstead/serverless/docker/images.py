"""The image that a location runs in: its own, or one that is made of its PEX files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagstead.errors import RunWorkerError, UnservableLocationError
from dagstead.serverless.docker.fetching import is_here
from dagstead.serverless.docker.pex_images import PYTHON, PexImages
from dagstead.serverless.home import read_json, write_json
from dagstead.serverless.pex_set import parse_pex_tag

if TYPE_CHECKING:
    from pathlib import Path

    from dagster._core.origin import JobPythonOrigin
    from dagster_cloud_cli.core.workspace import CodeLocationDeployData

#: How the names of images begin that the pool makes of PEX files.
_MADE_HERE = "dagstead-code:"


def require_code(deployment: str, location: str, data: CodeLocationDeployData) -> None:
    """Refuse a location that nobody can make a container of.

    Raises:
        UnservableLocationError: it has neither a PEX nor an image.
    """
    if not (data.pex_metadata or data.image):
        msg = (
            f"Code location {location!r} of deployment {deployment!r} has neither a PEX nor an "
            "image, and this managed pool runs its code in containers. Build one of both, or "
            "give it the queue of an agent that has its code (`agent_queue`), and deploy again."
        )
        raise UnservableLocationError(msg)


@dataclass(frozen=True, kw_only=True)
class PoolImages:
    """Makes and fetches images. Every method raises Docker's errors when the daemon is away."""

    pex: PexImages

    def for_location(self, data: CodeLocationDeployData) -> CodeLocationDeployData:
        """A location with the image that it runs in, which is on this machine then.

        Raises:
            PexError: its PEX files cannot be made an image of.
            ContainerError: its image cannot be fetched.
        """
        if not data.pex_metadata:
            self.pex.fetcher.fetch(str(data.image))
            return data
        tag, version = data.pex_metadata.pex_tag, data.pex_metadata.python_version
        image = self.pex.ensure(parse_pex_tag(tag, version), data.image)
        write_json(
            self._made_of(image), {"tag": tag, "python_version": version, "base": data.image}
        )
        # Where no working directory is named, Dagster would put an absolute path into each origin;
        # a relative one is right in every image of the location.
        directory = data.working_directory or "."
        return data._replace(
            image=image, executable_path=PYTHON, working_directory=directory, pex_metadata=None
        )

    def for_run(self, run_id: str, image: str) -> None:
        """Make sure that the image is here that a run's definitions were loaded in.

        Raises:
            RunWorkerError: it was made by another pool, or so long ago that nobody knows of what.
            PexError: it cannot be made again.
            ContainerError: it cannot be fetched again.
        """
        self.pex.notes.needed(image)
        if not image.startswith(_MADE_HERE):
            if not is_here(image):
                self.pex.fetcher.fetch(image)
            return
        if is_here(image):
            return
        made_of = read_json(self._made_of(image))
        if made_of is None:
            msg = (
                f"Run {run_id} was made from definitions in the image {image}, which this managed "
                "pool has never had. Deploy its code location again, and launch the run again."
            )
            raise RunWorkerError(msg)
        pex_set = parse_pex_tag(made_of["tag"], made_of["python_version"])
        self.pex.ensure(pex_set, made_of["base"])

    @staticmethod
    def origin_of(origin: JobPythonOrigin) -> JobPythonOrigin:
        """A run's origin, with the Python of its image where that was made of PEX files.

        Agents upload no entry point. Dagster's own is the first `dagster` on the path, which
        belongs to one layer, or to the base image, and sees no other.
        """
        repository = origin.repository_origin
        if not (repository.container_image or "").startswith(_MADE_HERE):
            return origin
        return origin._replace(
            repository_origin=repository._replace(entry_point=[PYTHON, "-m", "dagster"])
        )

    def _made_of(self, image: str) -> Path:
        return self.pex.home.tags / f"{image.replace(':', '-')}.json"
