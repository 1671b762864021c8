"""Files: who may read and write them, at signed addresses (paths of this server)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.dagster_data import require_runs
from dagstead.control.snapshots import Snapshots
from dagstead.errors import BlobNotFoundError, ForbiddenError, InvalidInputError
from dagstead.plane.blobs import BlobKey, BlobKind
from dagstead.plane.deployments import Deployment
from dagstead.plane.organization import ORGANIZATION
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

    def log_address(self, actor: Actor, deployment: Deployment, of: str, path: str) -> str:
        """The address to which an agent, or the code that it runs, sends captured output.

        Whose output user code of a managed pool may send is for :meth:`Workers.require_log` to say.

        Args:
            actor: the agent, or the code.
            deployment: of what has captured it.
            of: the id of the run; of a tick, the name of the repository.
            path: the key of the file.

        Raises:
            ForbiddenError: when the agent may not write to the run.
        """
        actor.require_code(deployment)
        require_runs(self._backend, actor, deployment, [of])
        key = BlobKey(BlobKind.LOG, deployment.name, path)
        return self._backend.store.blobs.sign(key, "PUT")

    def artifact_to_read(self, actor: Actor, deployment: Deployment | None, name: str) -> str:
        """The address from which an artifact is read.

        Args:
            actor: reads it.
            deployment: to which it belongs; ``None`` is the whole organization, whose PEX files
                agents read under ``pex/``.
            name: its key.

        Raises:
            ForbiddenError: when the actor may not read it.
            BlobNotFoundError: when it does not exist.
        """
        key = _artifact(actor, deployment, name)
        blobs = self._backend.store.blobs
        if not blobs.renew(key):
            raise BlobNotFoundError(f"There is no artifact {key.path!r}.")
        return blobs.sign(key, "GET")

    def artifact_to_write(self, actor: Actor, deployment: Deployment | None, name: str) -> str:
        """The address to which an artifact is sent, as a form; see :meth:`artifact_to_read`.

        Raises:
            ForbiddenError: when the actor may not write it.
        """
        actor.refuse_code("Writing artifacts")
        key = _artifact(actor, deployment, name)
        if key.kind is BlobKind.PEX:
            raise ForbiddenError("PEX files are uploaded by the CLI: `dagster-cloud ci build`.")
        return self._backend.store.blobs.sign(key, "POST")

    def pex_address(self, actor: Actor, name: str, method: str) -> str | None:
        """The address of a PEX file; ``None`` when the actor must not replace the file.

        The CLI asks without naming a deployment, so all deployments share PEX files. A token for
        some deployments must not change what others run. So it cannot replace a PEX file, whose
        name has the hash of its content, and it has a cache of its own.
        """
        actor.require_user()
        if "/" in name:
            raise InvalidInputError(f"{name[:80]!r} is not a file name: it has a '/'.")
        token = actor.token
        limited = token is not None and token.deployments is not None
        is_pex = name.endswith(".pex")
        scope = f"token-{token.id}" if token and limited and not is_pex else ORGANIZATION
        key = BlobKey(BlobKind.PEX, scope, name)
        blobs = self._backend.store.blobs
        is_stored = blobs.renew(key)
        if limited and method == "PUT" and is_pex and is_stored:
            return None
        return blobs.sign(key, method)

    def stored_pex_files(self, actor: Actor, names: Iterable[str]) -> list[str]:
        """The PEX files of these that are stored, and are kept from now on.

        Only those who have a file know its name.
        """
        actor.require_user()
        wanted = [name for name in names if name.endswith(".pex") and "/" not in name]
        keys = {name: BlobKey(BlobKind.PEX, ORGANIZATION, name) for name in wanted}
        renew = self._backend.store.blobs.renew
        return [name for name, key in keys.items() if renew(key)]


@dataclass(frozen=True, slots=True)
class SignedFile:
    """A file at a signed address, for the method that was signed."""

    key: BlobKey
    _blobs: BlobStore

    def stream(self) -> tuple[int, Iterator[bytes]]:
        """Its size in bytes, and its content in pieces.

        Raises:
            BlobNotFoundError: when it does not exist.
        """
        return self._blobs.stream(self.key)

    def put(self, path: Path) -> None:
        """Store an upload, unless it is a PEX file that is stored already.

        The builder names a PEX file by its content, agents never fetch a name twice, and all
        deployments share the files: the first file of a name stays, whoever sends another one.
        """
        is_named_by_content = self.key.kind is BlobKind.PEX and self.key.path.endswith(".pex")
        if not (is_named_by_content and self._blobs.renew(self.key)):
            self._blobs.put(self.key, path)


@dataclass(frozen=True, slots=True)
class SignedFiles:
    """Files whose signed address is the permission, so that no actor is needed."""

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
        actor.require_reach(deployment)
        actor.require_whole("artifacts")
        return BlobKey(BlobKind.ARTIFACT, deployment.name, name)
    token = actor.token
    if name.startswith(_PEX_PREFIX) and (token is None or token.is_agent):
        actor.require_agent()
        return BlobKey(BlobKind.PEX, ORGANIZATION, name.removeprefix(_PEX_PREFIX))
    actor.require_whole("artifacts")
    if token is not None and token.deployments is not None:
        raise ForbiddenError(
            f"Token {token.name!r} is limited to deployments, and this artifact belongs to the "
            "whole organization. Name a deployment, or use a token for all of them."
        )
    return BlobKey(BlobKind.ARTIFACT, ORGANIZATION, name)
