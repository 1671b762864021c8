"""Building a location as an image, through the docker command line."""

from __future__ import annotations

from dagstead.build.model import DockerPlan, PlannedBuild
from dagstead.build.options import BuildOptions
from dagstead.build.programs import Programs
from dagstead.build.results import Image
from dagstead.build.steps import Steps
from dagstead.errors import BuildError


class DockerBuilder:
    """Builds images and pushes them. Safe to use from several threads."""

    def __init__(self, options: BuildOptions, programs: Programs) -> None:
        self._options = options
        self._programs = programs

    def build(self, planned: PlannedBuild, plan: DockerPlan, steps: Steps) -> Image:
        """Build and push the image of a location.

        Raises:
            BuildError: when it cannot be built or pushed.
        """
        with steps.step("image"):
            msg = f"Image {plan.reference} of {planned.location!r} cannot be built yet."
            raise BuildError(msg)
