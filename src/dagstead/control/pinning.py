"""Pins the PEX files of a release to their content: what it loads, now and after a rollback."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dagstead.control.backend import Backend
from dagstead.control.pex_files import PexShelf
from dagstead.model.pex_names import PexName
from dagstead.plane.deployments import Deployment
from dagstead.plane.locations import NewLocation, pex_files_of
from dagstead.plane.pex_files import StoredPex, Uploader
from dagstead.plane.release_retention import deploys_in


@dataclass(slots=True)
class PinFinder:
    """Finds the files of one release."""

    backend: Backend
    deployment: Deployment
    #: Who begins the release.
    uploader: Uploader
    _deployed: Mapping[str, frozenset[str]] | None = field(default=None, init=False)

    def pin(self, new: Sequence[NewLocation]) -> tuple[list[NewLocation], list[str]]:
        """The locations with pinned names; their files are kept from now on.

        The CLI goes on when an upload fails (``pex_registry.upload_files`` drops its own error),
        and the location would fail to load much later, on the pool.

        Returns:
            The locations, and one sentence for every file that they cannot have.
        """
        names = {PexName.of(file) for location in new for file in location.pex_files}
        recorded = PexShelf(self.backend).recorded(names)
        pinned, errors = [], []
        for location in new:
            found: dict[str, str] = {}
            for file in location.pex_files:
                name = PexName.of(file)
                stored = recorded.get(name.plain, ())
                chosen = self._find(location.name, name, stored)
                if chosen is None:
                    why = self._why_not(location.name, name, stored)
                    errors.append(f"Location {location.name!r}: {why}")
                found[file] = str(chosen or name)
            pinned.append(location.with_pex_files(found))
        return pinned, errors

    def _find(self, location: str, name: PexName, stored: Iterable[StoredPex]) -> PexName | None:
        shelf = PexShelf(self.backend)
        own = self.uploader.namespace
        own_first = sorted(stored, key=lambda each: each.uploader.namespace != own)
        found = shelf.find(
            name,
            own_first,
            lambda uploader: uploader.may_supply(self.deployment, location, self.uploader),
        )
        if found is not None or name.sha256 is None:
            return found
        # A rollback, or somebody deploys again what is there.
        is_back = str(name) in self._deployed_before().get(location, ())
        return name if is_back and shelf.keep(name) else None

    def _deployed_before(self) -> Mapping[str, frozenset[str]]:
        """By location, the files that releases of the deployment had, or that are live there."""
        if self._deployed is None:
            found: dict[str, set[str]] = {}
            for deploy in deploys_in(self.backend.store.releases.rows(self.deployment.name)):
                name = str(deploy.document.get("location_name"))
                found.setdefault(name, set()).update(pex_files_of(deploy.document))
            self._deployed = {name: frozenset(files) for name, files in found.items()}
        return self._deployed

    def _why_not(self, location: str, name: PexName, stored: Sequence[StoredPex]) -> str:
        meant = [each for each in stored if name.sha256 in {None, each.sha256}]
        others = [
            each
            for each in meant
            if not each.uploader.may_supply(self.deployment, location, self.uploader)
        ]
        if others:
            # Names of others' tokens are for those who may list tokens.
            by = repr(others[0].by) if self.uploader.is_organization else "somebody else"
            return (
                f"PEX file {name.plain!r} was stored by {by}, whose token may not deploy this "
                f"location to {self.deployment.name!r} itself, so it is not used there. Build "
                "it again with the token that deploys it; see "
                "`dagstead trust add --help` for tokens of pull requests."
            )
        if stored and not meant:
            return (
                f"PEX file {name.plain!r} is stored here, but not with the SHA-256 {name.sha256}: "
                "it is not the file that was built. Build and upload it again."
            )
        return (
            f"PEX file {name.plain!r} is not stored here. Its upload may have failed: run "
            "`dagster-cloud ci build` again, and look for 'Upload failed'."
        )
