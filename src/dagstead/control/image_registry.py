"""The port to the installation's registry of images."""

from __future__ import annotations

from typing import Protocol


class ImageRegistry(Protocol):
    """What acts need of it."""

    @property
    def host(self) -> str:
        """Under which its images are named, with its port."""

    def remove(self, repository: str, digest: str) -> bool:
        """Remove an image; whether the registry does that, and it is gone.

        Raises:
            RegistryAwayError: it does not answer, or does not take the credentials.
        """
