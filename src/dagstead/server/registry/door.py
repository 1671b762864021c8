"""``/v2/``: what clients of registries speak (OCI distribution specification 1.1).

Who may read or write a repository is decided here; the registry behind it knows only this
installation. Manifests that are pushed are recorded, as releases take no others.
"""

from __future__ import annotations

import base64
import binascii
import logging
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin

import httpx
from anyio import to_thread
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from dagstead.control.actor import Actor
from dagstead.control.all import Control
from dagstead.control.images import Images
from dagstead.errors import (
    BusyError,
    DagsteadError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    NotOfferedError,
    RegistryAwayError,
    SignatureError,
    TooLargeError,
    UnauthenticatedError,
)
from dagstead.plane.registry import REGISTRY_PATH as PATH
from dagstead.plane.registry import ImageManifest, is_digest, is_reference, keeping_tag
from dagstead.server.authentication import note_refusal
from dagstead.server.registry.upstream import RegistryCall, Upstream
from dagstead.server.replies import status_of
from dagstead.server.throttle import Throttle, address_of, client_of
from dagstead.store.seals import Seals

logger = logging.getLogger(__name__)

_WHERE = re.compile(
    r"(?P<name>[^?]+)/(?P<kind>manifests|blobs/uploads|blobs|tags|referrers)/(?P<rest>[^/]*)"
)
_PULLED = frozenset({"GET", "HEAD"})
#: Of a manifest; a registry need not take larger ones.
_MANIFEST_BYTES = 4 << 20
#: As long as somebody may need for one layer.
_UPLOAD_SECONDS = 24 * 3600
_UPLOAD = "upload of a layer"
#: What says where an upload goes on. As a part of the query it is not logged.
_STATE = "at"
_ANSWERED = (
    *("content-type", "content-length", "content-range", "accept-ranges", "etag", "range"),
    *("docker-content-digest", "docker-upload-uuid", "docker-distribution-api-version"),
    *("oci-chunk-min-length", "oci-subject", "oci-filters-applied"),
)
#: By the first class that fits, in the words of the specification; and the status, where this is
#: another one than elsewhere.
_CODES: tuple[tuple[type[DagsteadError], str, HTTPStatus | None], ...] = (
    (UnauthenticatedError, "UNAUTHORIZED", None),
    (RegistryAwayError, "UNAVAILABLE", HTTPStatus.SERVICE_UNAVAILABLE),
    (BusyError, "TOOMANYREQUESTS", None),
    (SignatureError, "BLOB_UPLOAD_UNKNOWN", HTTPStatus.NOT_FOUND),
    (ForbiddenError, "DENIED", None),
    (NotFoundError, "NAME_UNKNOWN", None),
    (NotOfferedError, "UNSUPPORTED", HTTPStatus.METHOD_NOT_ALLOWED),
    (TooLargeError, "SIZE_INVALID", None),
    (InvalidInputError, "NAME_INVALID", None),
    (DagsteadError, "UNKNOWN", None),
)
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="Dagstead"'}


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryDoor:
    """Answers clients of the registry."""

    control: Control
    #: Of where uploads go on.
    seals: Seals
    #: ``None`` when this installation has no registry.
    upstream: Upstream | None
    #: Of callers whose password opens nothing, by their address.
    failures: Throttle

    def routes(self) -> list[Route]:
        """Where it is."""
        methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
        return [Route(PATH + "{path:path}", self.answer, methods=methods)]

    async def close(self) -> None:
        """Close the connections to the registry."""
        if self.upstream is not None:
            await self.upstream.client.aclose()

    async def answer(self, request: Request) -> Response:
        """Answer one request; errors have the form that clients of registries show."""
        try:
            actor = await self._actor(request)
            upstream = self._upstream()
            path: str = request.path_params["path"]
            if not path:
                await upstream.require_answer()
                return JSONResponse({})
            asked = _Asked.of(request, path)
            turn = _Turn(self.control.images, self.seals, upstream, actor, request, asked)
            return await turn.answer()
        except DagsteadError as error:
            await note_refusal(error, request.scope, self.control.recorder)
            return _refusal(error)

    def _upstream(self) -> Upstream:
        if self.upstream is None:
            msg = (
                "This installation has no registry. Whoever runs the control plane names one in "
                "the setting registry_url; see docs/operate/registry.md."
            )
            raise NotFoundError(msg)
        return self.upstream

    async def _actor(self, request: Request) -> Actor:
        password = _password(request)
        address = client_of(request.scope)
        if password is None:
            msg = (
                "This registry needs a login: `docker login`, with any name, and a token as the "
                "password. `dagster-cloud serverless registry-info` gives one for half a day."
            )
            raise UnauthenticatedError(msg)
        try:
            token = await to_thread.run_sync(
                self.control.token_reader.of_password, password, address
            )
        except UnauthenticatedError:
            self.failures.count(address_of(request.scope))
            raise
        # For what is recorded of refusals.
        request.scope.setdefault("state", {})["token"] = token
        return Actor.holding(token, address)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """What a request is about."""

    name: str
    kind: str
    rest: str

    @classmethod
    def of(cls, request: Request, path: str) -> _Asked:
        found = _WHERE.fullmatch(path)
        if found is None:
            msg = f"This registry answers nothing at {PATH}{path[:80]}."
            raise NotOfferedError(msg)
        asked = cls(name=found["name"], kind=found["kind"], rest=found["rest"])
        allowed = {
            "manifests": {*_PULLED, "PUT"},
            "blobs": _PULLED,
            "tags": {"GET"},
            "referrers": {"GET"},
            "blobs/uploads": {"POST", "PATCH", "PUT", "GET", "DELETE"},
        }[asked.kind]
        if request.method not in allowed:
            msg = (
                f"{request.method} is not for clients here: images are removed once nothing needs "
                "them."
            )
            raise NotOfferedError(msg)
        return asked

    @property
    def reference(self) -> str:
        """What is pulled."""
        return "*" if self.kind == "tags" else self.rest


@dataclass(frozen=True, slots=True)
class _Turn:
    """One request of a known caller."""

    images: Images
    seals: Seals
    upstream: Upstream
    actor: Actor
    request: Request
    asked: _Asked

    async def answer(self) -> Response:
        asked = self.asked
        if asked.kind != "blobs/uploads" and self.request.method in _PULLED:
            await to_thread.run_sync(
                self.images.require_pull, self.actor, asked.name, asked.reference
            )
            at = f"{asked.kind}/{asked.rest}"
            return await self._passed_on(await self._sent(at, self.request.url.query))
        await to_thread.run_sync(self.images.require_push, self.actor, asked.name)
        if asked.kind == "manifests":
            return await self._put_manifest()
        if self.request.method == "POST":
            return await self._begin_upload()
        return await self._go_on_with_upload()

    async def _begin_upload(self) -> Response:
        """Begin with a layer, send a whole one, or have one of another repository."""
        query = dict(parse_qsl(self.request.url.query))
        digest = query.get("mount") or query.get("digest")
        source = query.pop("from", None)
        mounted = query.pop("mount", None)
        if mounted and source and await self._may_pull(source, mounted):
            query |= {"mount": mounted, "from": self.upstream.name_of(source)}
        answer = await self._sent("blobs/uploads/", urlencode(query), self.request.stream())
        return await self._passed_on(answer, f"blobs/{digest}")

    async def _may_pull(self, name: str, digest: str) -> bool:
        # Otherwise it is sent as a layer that is nowhere yet.
        try:
            await to_thread.run_sync(self.images.require_pull, self.actor, name, digest)
        except DagsteadError:
            return False
        return True

    async def _go_on_with_upload(self) -> Response:
        query = dict(parse_qsl(self.request.url.query))
        sealed = await to_thread.run_sync(self.seals.open, _UPLOAD, query.pop(_STATE, ""))
        if sealed.get("name") != self.asked.name:
            msg = "This upload is of another repository. Begin it again."
            raise SignatureError(msg)
        has_body = self.request.method in {"PATCH", "PUT"}
        content = self.request.stream() if has_body else None
        answer = await self._sent(str(sealed["at"]), urlencode(query), content)
        return await self._passed_on(answer, f"blobs/{query.get('digest')}")

    async def _put_manifest(self) -> Response:
        body = await _small_body(self.request)
        manifest = ImageManifest.of(body)
        digest, reference = manifest.digest, self.asked.rest
        if not is_reference(reference):
            msg = f"{reference[:40]!r} can be no tag of an image: at most 128 letters and digits."
            raise InvalidInputError(msg)
        if is_digest(reference) and reference != digest:
            msg = f"The manifest that arrived is {digest}, and not {reference}."
            raise InvalidInputError(msg)
        answer = await self._sent(f"manifests/{reference}", "", body)
        if answer.status_code == HTTPStatus.CREATED:
            if not is_digest(reference):
                await self._keep(body, digest)
            await to_thread.run_sync(
                self.images.note_pushed,
                self.actor,
                self.asked.name,
                reference,
                manifest,
            )
        return await self._passed_on(answer, f"manifests/{digest}")

    async def _keep(self, manifest: bytes, digest: str) -> None:
        """Give it a second tag: the first may become another image's.

        Some registries remove what has no tag.
        """
        answer = await self._sent(f"manifests/{keeping_tag(digest)}", "", manifest)
        await answer.aclose()
        if answer.status_code != HTTPStatus.CREATED:
            logger.warning(
                "The registry answered %s to a second tag for %s of %s",
                answer.status_code,
                digest,
                self.asked.name,
            )

    async def _sent(
        self, at: str, query: str, content: AsyncIterator[bytes] | bytes | None = None
    ) -> httpx.Response:
        headers = dict(self.request.headers)
        if content is None:
            headers.pop("content-length", None)
        return await self.upstream.send(
            RegistryCall(
                method=self.request.method,
                repository=self.upstream.name_of(self.asked.name),
                at=at,
                headers=headers,
                query=query,
                content=content,
            )
        )

    async def _passed_on(self, answer: httpx.Response, done_at: str = "") -> Response:
        """The registry's answer.

        Args:
            answer: of the registry.
            done_at: where in the repository what was sent is, once all of it has arrived.
        """
        given = {name: answer.headers[name] for name in _ANSWERED if name in answer.headers}
        where = answer.headers.get("location")
        own = f"{PATH}{self.asked.name}"
        if answer.status_code == HTTPStatus.CREATED:
            given["location"] = f"{own}/{done_at}"
        elif where is not None and answer.is_success:
            claims = {"name": self.asked.name, "at": urljoin(str(answer.request.url), where)}
            sealed = await to_thread.run_sync(self.seals.seal, _UPLOAD, claims, _UPLOAD_SECONDS)
            given["location"] = f"{own}/blobs/uploads/next?{_STATE}={sealed}"
        return StreamingResponse(_raw(answer), status_code=answer.status_code, headers=given)


async def _raw(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.aiter_raw():
            yield piece
    finally:
        # Also when the client has gone half-way.
        await answer.aclose()


async def _small_body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MANIFEST_BYTES:
            msg = f"A manifest may have at most {_MANIFEST_BYTES >> 20} MiB."
            raise TooLargeError(msg)
    return bytes(body)


def _password(connection: HTTPConnection) -> str | None:
    kind, _, given = connection.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(given.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return decoded.partition(":")[2] or None


def _refusal(error: DagsteadError) -> Response:
    code, status = next((code, status) for kind, code, status in _CODES if isinstance(error, kind))
    body: Mapping[str, Any] = {"errors": [{"code": code, "message": error.message}]}
    headers = _CHALLENGE if isinstance(error, UnauthenticatedError) else None
    return JSONResponse(body, status_code=status or status_of(type(error)), headers=headers)
