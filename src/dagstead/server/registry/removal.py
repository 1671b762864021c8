"""Removes images from the registry, for sweeps: in whatever process one runs."""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass
from http import HTTPStatus

from dagstead.server.registry.credentials import credentials_of
from dagstead.server.registry.upstream import RegistryCall, Upstream, make_client
from dagstead.server.settings import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnRegistry:
    """The registry that the settings name; see :class:`ImageRegistry`."""

    host: str
    settings: Settings

    def remove(self, repository: str, digest: str) -> bool:
        """See the base class."""
        return asyncio.run(self._remove(repository, digest))

    async def _remove(self, repository: str, digest: str) -> bool:
        async with make_client() as client:
            upstream = Upstream(
                url=self.settings.registry_url or "",
                # Not before it is needed: most commands remove nothing, and have no password.
                credentials=credentials_of(self.settings, os.environ),
                client=client,
            )
            call = RegistryCall(
                method="DELETE",
                repository=upstream.name_of(repository),
                at=f"manifests/{digest}",
                headers={},
            )
            answer = await upstream.send(call)
            await answer.aclose()
        is_gone = answer.is_success or answer.status_code == HTTPStatus.NOT_FOUND
        if not is_gone:
            logger.warning(
                "The registry does not remove %s@%s: it answers %s. A registry may have to be told "
                "that removing is allowed.",
                repository,
                digest,
                answer.status_code,
            )
        return is_gone


def registry_of(settings: Settings) -> OwnRegistry | None:
    """The registry, if there is one."""
    if settings.registry_url is None:
        return None
    return OwnRegistry(host=settings.image_host, settings=settings)
