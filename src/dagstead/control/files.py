"""Files: who may read and write them, at signed addresses (paths of this server)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dagstead.control.actor import SYSTEM, Actor
from dagstead.control.backend import Backend
from dagstead.control.dagster_data import require_runs
from dagstead.control.pex_files import PexShelf, Upload, note_of, read_note, sha256_of
from dagstead.control.snapshots import Snapshots
from dagstead.errors import BlobNotFoundError, ForbiddenError, InvalidInputError, SignatureError
from dagstead.model.pex_names import PEX_SUFFIX, PexName
from dagstead.plane.blobs import BlobKey, BlobKind
from dagstead.plane.deployments import Deployment
from dagstead.plane.locations import Deploy, pex_files_of
from dagstead.plane.needs import is_state_version
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.pex_files import Uploader
from dagstead.plane.release_retention import Rows, deploys_in
from dagstead.plane.roles import Permission
from dagstead.store.blobs import SignedAddress

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

    def artifact_to_read(
        self, actor: Actor, deployment: Deployment | None, name: str
    ) -> ReadableFile:
        """Where an artifact is read.

        Args:
            actor: reads it.
            deployment: to which it belongs; ``None`` is the whole organization, whose PEX files
                agents read under ``pex/``.
            name: its key.

        Raises:
            ForbiddenError: when the actor may not read it.
            BlobNotFoundError: when it does not exist.
        """
        if deployment is None and _is_pex_of_agent(actor, name):
            return self._pex_to_read(actor, PexName.of(name.removeprefix(_PEX_PREFIX)))
        key = _artifact(actor, deployment, name)
        blobs = self._backend.store.blobs
        if not blobs.renew(key):
            raise BlobNotFoundError(f"There is no artifact {key.path!r}.")
        return ReadableFile(address=blobs.sign(key, "GET"))

    def _pex_to_read(self, actor: Actor, name: PexName) -> ReadableFile:
        """Where an agent reads a PEX file: by its content, or what an earlier version stored."""
        actor.require_agent()
        shelf = PexShelf(self._backend)
        # Refuses names that no file can have.
        BlobKey(BlobKind.PEX, ORGANIZATION, str(name))
        pinned = name if name.sha256 else shelf.of_earlier_version(name.plain)
        if pinned is None or not shelf.keep(pinned) or not self._serves(actor, {name, pinned}):
            raise BlobNotFoundError(f"There is no artifact '{_PEX_PREFIX}{name}'.")
        return ReadableFile(address=shelf.address(pinned), sha256=pinned.sha256)

    def _serves(self, actor: Actor, names: Collection[PexName]) -> bool:
        """Whether an agent may run a deploy that needs one of these files."""
        if actor.serves_all_deployments:
            return True
        files = {str(name) for name in names}
        return any(
            actor.grants_queue(deploy.queue) and not files.isdisjoint(pex_files_of(deploy.document))
            for deploy in self._deploys(actor)
        )

    def _deploys(self, actor: Actor) -> Iterator[Deploy]:
        """The deploys of what an actor may see: first those that serve, then earlier ones."""
        store = self._backend.store
        granted = [each.name for each in store.deployments.all() if actor.grants(each)]
        for name in granted:
            yield from deploys_in(Rows(locations=store.locations.all(name)))
        for name in granted:
            # A run that waited in a queue may need an earlier one.
            yield from deploys_in(store.releases.rows(name))

    def artifact_to_write(self, actor: Actor, deployment: Deployment | None, name: str) -> str:
        """The address to which an artifact is sent, as a form; see :meth:`artifact_to_read`.

        Raises:
            ForbiddenError: when the actor may not write it.
        """
        actor.refuse_code("Writing artifacts")
        if deployment is None:
            actor.require_permission_everywhere(Permission.DEPLOY)
        else:
            actor.require_permission(Permission.DEPLOY, deployment)
        if deployment is None and _is_pex_of_agent(actor, name):
            raise ForbiddenError("PEX files are uploaded by the CLI: `dagster-cloud ci build`.")
        return self._backend.store.blobs.sign(_artifact(actor, deployment, name), "POST")

    def pex_address(self, actor: Actor, name: str, method: str) -> str:
        """The address of a PEX file, or of the cache of a build.

        The CLI asks without naming a deployment. So files are kept apart by who stores them: by
        what that one may deploy. Caches of others who may deploy the same can be read and replaced,
        and those of the organization can be read.
        """
        actor.require_user()
        actor.require_permission_somewhere(Permission.DEPLOY)
        if "/" in name:
            raise InvalidInputError(f"{name[:80]!r} is not a file name: it has a '/'.")
        blobs = self._backend.store.blobs
        key = BlobKey(BlobKind.PEX, actor.uploader.namespace, name)
        if method == "PUT":
            token_id = None if actor.token is None else actor.token.id
            return blobs.sign(key, method, note_of(token_id, self._backend.now()))
        if not name.endswith(PEX_SUFFIX) and not blobs.renew(key):
            key = BlobKey(BlobKind.PEX, ORGANIZATION, name)
            blobs.renew(key)
        return blobs.sign(key, method)

    def stored_pex_files(self, actor: Actor, names: Iterable[str]) -> list[str]:
        """The PEX files of these that need not be sent, and are kept from now on.

        They were stored by somebody who may deploy at least the same, so that every release of the
        actor can use them. A pinned name is stored only with its content.
        """
        actor.require_user()
        wanted = {
            name: PexName.of(name)
            for name in names
            if name.endswith(PEX_SUFFIX) and "/" not in name
        }
        for name in wanted:
            # Refuses names that no file can have.
            BlobKey(BlobKind.PEX, ORGANIZATION, name)
        shelf = PexShelf(self._backend)
        recorded = shelf.recorded(wanted.values())
        own = actor.uploader
        return [
            text
            for text, name in wanted.items()
            if shelf.find(name, recorded.get(name.plain, ()), lambda each: each.covers(own))
        ]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadableFile:
    """Where a file is read."""

    #: A path of this server.
    address: str
    #: Of its content; ``None`` where that is not recorded.
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class SignedFile:
    """A file at a signed address, for the method that was signed."""

    key: BlobKey
    _shelf: PexShelf
    #: For sending a PEX file.
    _upload: Upload | None = None

    def stream(self) -> tuple[int, Iterator[bytes]]:
        """Its size in bytes, and its content in pieces.

        Raises:
            BlobNotFoundError: when it does not exist.
        """
        return self._shelf.backend.store.blobs.stream(self.key)

    def put(self, path: Path) -> None:
        """Store an upload.

        Raises:
            InvalidInputError: when it is not the file that was announced.
        """
        if self._upload is not None:
            self._shelf.take(self._upload, path)
        elif self.key.kind is BlobKind.ARTIFACT and is_state_version(self.key.path):
            self._put_version(path)
        else:
            self._shelf.backend.store.blobs.put(self.key, path)

    def _put_version(self, path: Path) -> None:
        """Store a version of a component's state: a release names it, so that it never changes."""
        blobs = self._shelf.backend.store.blobs
        stored = blobs.path(self.key)
        if stored is None:
            blobs.put(self.key, path)
        elif sha256_of(stored) != sha256_of(path):
            msg = (
                f"{self.key.path!r} is stored already, with another content. A version of a "
                "component's state is written once: store the new state under a version of its own."
            )
            raise InvalidInputError(msg)


@dataclass(frozen=True, slots=True)
class SignedFiles:
    """Files whose signed address is the permission, so that no actor is needed."""

    _backend: Backend

    def open(self, address: str, method: str) -> SignedFile:
        """The file of a signed address.

        Raises:
            SignatureError: when it was altered, is for another method, or has expired.
            UnauthenticatedError: when it is for sending a PEX file, and the token of the one who
                asked for it is not valid any more.
        """
        signed = self._backend.store.blobs.open(address, method)
        is_pex = signed.key.kind is BlobKind.PEX and signed.key.path.endswith(PEX_SUFFIX)
        upload = self._upload(signed) if is_pex and method == "PUT" else None
        return SignedFile(signed.key, PexShelf(self._backend), upload)

    def _upload(self, signed: SignedAddress) -> Upload:
        token_id, asked_at = read_note(signed.note)
        token = None if token_id is None else self._backend.store.tokens.get(token_id)
        uploader = Uploader() if token is None else Uploader.of(token)
        if uploader.namespace != signed.key.scope:
            msg = "What the token grants has changed. Ask the server for a new address."
            raise SignatureError(msg)
        return Upload(
            name=PexName.of(signed.key.path),
            uploader=uploader,
            by=SYSTEM.name if token is None else token.name,
            asked_at=asked_at,
        )


def _is_pex_of_agent(actor: Actor, name: str) -> bool:
    return name.startswith(_PEX_PREFIX) and not actor.is_user


def _artifact(actor: Actor, deployment: Deployment | None, name: str) -> BlobKey:
    if deployment is not None:
        actor.require_reach(deployment)
        actor.require_whole("artifacts")
        return BlobKey(BlobKind.ARTIFACT, deployment.name, name)
    token = actor.token
    actor.require_whole("artifacts")
    if token is not None and token.deployments is not None:
        raise ForbiddenError(
            f"Token {token.name!r} is limited to deployments, and this artifact belongs to the "
            "whole organization. Name a deployment, or use a token for all of them."
        )
    return BlobKey(BlobKind.ARTIFACT, ORGANIZATION, name)
