"""The disks that a control plane writes to, as far as they are disks of this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dagstead.plane.health import Disk


@dataclass(frozen=True, slots=True)
class Disks:
    """Folders by what is kept in them; several may be on one disk."""

    folders: Mapping[str, Path]

    def all(self) -> list[Disk]:
        """Every disk once, named after the first folder on it."""
        found: dict[int, Disk] = {}
        for of, folder in self.folders.items():
            try:
                device = folder.stat().st_dev
                if device not in found:
                    found[device] = _disk(of, folder)
            except (FileNotFoundError, NotADirectoryError):
                # Nothing has been kept there yet.
                continue
        return list(found.values())


def _disk(of: str, folder: Path) -> Disk:
    at = os.statvfs(folder)
    return Disk(
        of=of,
        free=at.f_bavail * at.f_frsize,
        total=at.f_blocks * at.f_frsize,
        # Some file systems do not count them.
        files_left=at.f_favail if at.f_files else None,
    )
