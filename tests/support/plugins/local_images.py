"""A launcher for tests of the CLI's image path, on machines without Docker."""

from __future__ import annotations

from dagster_cloud.workspace.user_code_launcher import ProcessUserCodeLauncher
from dagster_cloud_cli.core.workspace import CodeLocationDeployData


class LocalImageLauncher(ProcessUserCodeLauncher):
    """Takes from this machine what the image would hold, and runs it as a process."""

    def _check_for_image(self, metadata: CodeLocationDeployData) -> None:
        assert metadata.image, "the CLI deployed no image"
