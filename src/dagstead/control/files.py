"""Files: who may read and write which, at signed addresses without this server's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.snapshots import Snapshots
from dagstead.errors import BlobNotFoundError, ForbiddenError, InvalidInputError
from dagstead.plane.blobs import ORGANIZATION, BlobKey, BlobKind
from dagstead.plane.deployments import Deployment
from dagstead.plane.tokens import TokenKind
from dagstead.store.blobs import BlobStore

_PEX_PREFIX = "pex/"


@dataclass(frozen=True, slots=True)
class Files:
    """Acts on files."""

    _backend: Backend

    def snapshots(self, actor: Actor, deployment: Deployment) -> Snapshots:
        """The uploaded definitions of a deployment, which agents write."""
        actor.require_agent(deployment)
        return Snapshots(self._backend.store.blobs, deployment.name)

    def log_address(self, actor: Actor, deployment: Deployment, path: str) -> str:
        """Where an agent puts captured output."""
        actor.require_agent(deployment)
        key = BlobKey(BlobKind.LOG, deployment.name, path)
        return self._backend.store.blobs.sign(key, "PUT")

    def artifact_to_read(self, actor: Actor, deployment: Deployment | None, name: str) -> str:
        """Where an artifact is.

        Args:
            actor: who reads it.
            deployment: whose it is; ``None`` is the whole organization, whose PEX files agents
                read under ``pex/``.
            name: its key.

        Raises:
            ForbiddenError: when the actor may not read it.
            BlobNotFoundError: when there is none.
        """
        key = _artifact(actor, deployment, name)
        blobs = self._backend.store.blobs
        if blobs.size(key) is None:
            raise BlobNotFoundError(f"There is no artifact {key.path!r}.")
        return blobs.sign(key, "GET")

    def artifact_to_write(self, actor: Actor, deployment: Deployment | None, name: str) -> str:
        """Where an artifact is sent to, as a form; see :meth:`artifact_to_read`.

        Raises:
            ForbiddenError: when the actor may not write it.
        """
        key = _artifact(actor, deployment, name)
        if key.kind is BlobKind.PEX:
            raise ForbiddenError("PEX files are uploaded by the CLI: `dagster-cloud ci build`.")
        return self._backend.store.blobs.sign(key, "POST")

    def pex_address(self, actor: Actor, name: str, method: str) -> str | None:
        """Where a PEX file is read or written; ``None`` when the actor must not replace it.

        The CLI asks without saying for which deployment, so PEX files are of all of them. A token
        that is limited to some deployments must therefore not change what others run: it cannot
        replace a PEX file, whose name has its content's hash, and has a cache of its own.
        """
        actor.require_user()
        if "/" in name:
            raise InvalidInputError(f"{name[:80]!r} is no file name: it has a '/'.")
        token = actor.token
        limited = token is not None and token.deployments is not None
        is_pex = name.endswith(".pex")
        scope = f"token-{token.id}" if token and limited and not is_pex else ORGANIZATION
        key = BlobKey(BlobKind.PEX, scope, name)
        blobs = self._backend.store.blobs
        if limited and method == "PUT" and is_pex and blobs.size(key) is not None:
            return None
        return blobs.sign(key, method)

    def stored_pex_files(self, actor: Actor, names: Iterable[str]) -> list[str]:
        """Those of these PEX files that are stored: only who has a file's content has its name."""
        actor.require_user()
        wanted = [name for name in names if name.endswith(".pex") and "/" not in name]
        keys = {name: BlobKey(BlobKind.PEX, ORGANIZATION, name) for name in wanted}
        size = self._backend.store.blobs.size
        return [name for name, key in keys.items() if size(key) is not None]


@dataclass(frozen=True, slots=True)
class SignedFile:
    """One file at a signed address, for the method that was signed."""

    key: BlobKey
    _blobs: BlobStore

    def stream(self) -> tuple[int, Iterator[bytes]]:
        """Its size in bytes, and its content in pieces.

        Raises:
            BlobNotFoundError: when there is none.
        """
        return self._blobs.stream(self.key)

    def put(self, path: Path) -> None:
        """Store an upload; a PEX file that is there stays.

        The builder names a PEX file by its content, agents never fetch a name twice, and all
        deployments share the files: the first one of a name stays, whoever sends another.
        """
        is_named_by_content = self.key.kind is BlobKind.PEX and self.key.path.endswith(".pex")
        if not is_named_by_content or self._blobs.size(self.key) is None:
            self._blobs.put(self.key, path)


@dataclass(frozen=True, slots=True)
class SignedFiles:
    """Files whose address is the permission: no actor is needed."""

    _backend: Backend

    def open(self, address: str, method: str) -> SignedFile:
        """The file of a signed address.

        Raises:
            SignatureError: when it was altered, is for another method, or has expired.
        """
        blobs = self._backend.store.blobs
        return SignedFile(blobs.verify(address, method), blobs)


def _artifact(actor: Actor, deployment: Deployment | None, name: str) -> BlobKey:
    if deployment is not None:
        actor.require_deployment(deployment)
        actor.require_whole("artifacts")
        return BlobKey(BlobKind.ARTIFACT, deployment.name, name)
    token = actor.token
    if name.startswith(_PEX_PREFIX) and (token is None or token.kind is TokenKind.AGENT):
        actor.require_agent()
        return BlobKey(BlobKind.PEX, ORGANIZATION, name.removeprefix(_PEX_PREFIX))
    actor.require_whole("artifacts")
    if token is not None and token.deployments is not None:
        raise ForbiddenError(
            f"Token {token.name!r} is limited to deployments, and this artifact belongs to the "
            "whole organization. Name a deployment, or use a token for all of them."
        )
    return BlobKey(BlobKind.ARTIFACT, ORGANIZATION, name)
