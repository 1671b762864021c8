"""``/blobs/…``: reading and writing one file at a signed address; no token is needed."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterable
from dataclasses import dataclass
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from dagstead.agent_api.logs import take_log
from dagstead.agent_api.rest import error_response, unexpected_response
from dagstead.agent_api.services import AgentServices
from dagstead.control.files import SignedFile
from dagstead.errors import DagsteadError, InvalidInputError, StoreAwayError, TooLargeError
from dagstead.plane.blobs import BlobKind

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class BlobEndpoint:
    """Serves signed addresses."""

    services: AgentServices
    #: Uploads are spooled here, on the disk that keeps them.
    folder: Path
    max_bytes: int

    async def __call__(self, request: Request) -> Response:
        """Answer GET, HEAD, PUT, and POST of a form whose field ``file`` is the content.

        Raises:
            StoreAwayError: if the store is away, which the server answers the same way on all
                paths.
        """
        address = f"{request.url.path}?{request.url.query}"
        try:
            signed_files = self.services.control.signed_files
            file = await run_in_threadpool(signed_files.open, address, request.method)
            if request.method in {"GET", "HEAD"}:
                return await run_in_threadpool(self._read, file, head=request.method == "HEAD")
            return await self._write(request, file)
        except StoreAwayError:
            raise
        except DagsteadError as error:
            return error_response(error)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:  # noqa: BLE001 - every request gets an answer
            return unexpected_response(error)

    def _read(self, file: SignedFile, *, head: bool) -> Response:
        size, pieces = file.stream()
        headers = {"Content-Length": str(size)}
        if head:
            return Response(headers=headers)
        return StreamingResponse(pieces, headers=headers, media_type="application/octet-stream")

    async def _write(self, request: Request, file: SignedFile) -> Response:
        most = self._most(file.key.kind)
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > most:
            raise _too_large(most)
        pieces = request.stream() if request.method == "PUT" else _form_file(request)
        await run_in_threadpool(self.folder.mkdir, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as spool:
            path = Path(spool.name)
            try:
                written = 0
                async for piece in pieces:
                    written += len(piece)
                    if written > most:
                        raise _too_large(most)
                    spool.write(piece)
                spool.flush()
                await run_in_threadpool(self._take, file, path)
            finally:
                await run_in_threadpool(path.unlink, missing_ok=True)
        return Response(status_code=204 if request.method == "POST" else 200)

    def _take(self, file: SignedFile, path: Path) -> None:
        if file.key.kind is BlobKind.LOG:
            take_log(self.services, file.key, path)
        else:
            file.put(path)

    def _most(self, kind: BlobKind) -> int:
        if kind is BlobKind.SNAPSHOT:
            # Definitions that are refused when they are confirmed need not be kept until then.
            return min(self.max_bytes, self.services.definitions.most_bytes + _CHUNK_BYTES)
        return self.max_bytes


def _too_large(most: int) -> TooLargeError:
    return TooLargeError(f"A file may have at most {most} bytes here.")


async def _form_file(request: Request) -> AsyncIterable[bytes]:
    try:
        form = await request.form()
    except (MultiPartException, HTTPException) as error:
        msg = "The upload cannot be read as a multipart form."
        raise InvalidInputError(msg) from error
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            msg = "The form has no field 'file'."
            raise InvalidInputError(msg)
        while piece := await file.read(_CHUNK_BYTES):
            yield piece
    finally:
        await form.close()
