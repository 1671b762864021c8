"""Style sheets and scripts: ours, and those of others in ``static/vendor``."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

#: Below the console's own address. Pages for people who are not signed in need them, too.
STATIC_PATH = "/-/static/"

_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_YEAR = "public, max-age=31536000, immutable"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asset:
    """A file, also as it travels."""

    content: bytes
    packed: bytes
    kind: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Assets:
    """All of them, and what their addresses begin with: it changes with their content."""

    by_name: Mapping[str, Asset]
    digest: str

    @classmethod
    def of_package(cls) -> Assets:
        """Those that are installed with this package."""
        folder = files("dagstead.console") / "static"
        found = {**_in(folder), **_in(folder / "vendor")}
        whole = hashlib.sha256()
        for name in sorted(found):
            whole.update(name.encode() + found[name].content)
        return cls(by_name=found, digest=whole.hexdigest()[:12])

    def address(self, name: str) -> str:
        """Where a page finds one."""
        return f"{STATIC_PATH}{self.digest}/{name}"

    async def serve(self, request: Request) -> Response:
        """One file. Whatever version is asked for, there is only this one."""
        asset = self.by_name.get(request.path_params["name"])
        if asset is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        is_current = request.path_params["digest"] == self.digest
        headers = {"Cache-Control": _YEAR if is_current else "no-store", "Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(asset.packed, media_type=asset.kind, headers=headers)
        return Response(asset.content, media_type=asset.kind, headers=headers)


def _in(folder: Traversable) -> dict[str, Asset]:
    found = {}
    for file in folder.iterdir():
        kind = next((kind for end, kind in _KINDS.items() if file.name.endswith(end)), None)
        if kind is not None:
            content = file.read_bytes()
            packed = gzip.compress(content, mtime=0)
            found[file.name] = Asset(content=content, packed=packed, kind=kind)
    return found
