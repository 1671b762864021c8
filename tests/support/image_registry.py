"""A registry of images that only remembers what it was told to remove."""

from __future__ import annotations

from dataclasses import dataclass, field

from dagstead.errors import RegistryAwayError


@dataclass
class PlayedImageRegistry:
    """Stands in for the port; that a real registry removes is shown in ``tests/containers``."""

    host: str = "plane.example.com:3000"
    removed: list[str] = field(default_factory=list)
    is_away: bool = False
    refuses: bool = False

    def remove(self, repository: str, digest: str) -> bool:
        if self.is_away:
            raise RegistryAwayError
        if not self.refuses:
            self.removed.append(f"{repository}@{digest}")
        return not self.refuses
