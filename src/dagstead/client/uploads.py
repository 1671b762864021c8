"""Uploads PEX files to a control plane, once for all deployments that need them.

They are sent and deployed under names with their SHA-256: what somebody else has stored as a file
of the same name is neither taken for it nor run in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import httpx

from dagstead.build.results import pinned_name
from dagstead.client.certificates import certificates_for
from dagstead.client.connection import Connection
from dagstead.errors import RefusedError, UnreachableError

_STORED = "query ($names: [String!]!) { result: storedPexFiles(filenames: $names) }"
_ADDRESSES = (
    "mutation ($names: [String!]!) "
    "{ result: generateServerlessPexUrl(filenames: $names, method: PUT) { url } }"
)

#: For each piece that is sent, not for the whole file.
_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Uploads:
    """Sends files that are not there yet."""

    connection: Connection
    transport: httpx.BaseTransport | None = None

    def send(self, paths: Iterable[Path], on_upload: Callable[[Path], None]) -> list[Path]:
        """Upload PEX files under their own names and the digests of their contents.

        Args:
            paths: files; one that several locations share may be there several times.
            on_upload: called before every file that is sent.

        Returns:
            The files that were sent.

        Raises:
            RefusedError: when the server does not take one, or has got another content.
            UnreachableError: when it is away.
        """
        files = {pinned_name(each): each for each in paths}
        if not files:
            return []
        stored = set(self.connection.graphql(_STORED, names=list(files))["result"])
        missing = [name for name in files if name not in stored]
        if missing:
            answers = self.connection.graphql(_ADDRESSES, names=missing)["result"]
            for name, answer in zip(missing, answers, strict=True):
                on_upload(files[name])
                self._put(files[name], answer["url"])
        return [files[name] for name in missing]

    def _put(self, path: Path, url: str | None) -> None:
        if url is None:
            msg = f"The server does not take {path.name}: the token may not upload PEX files."
            raise RefusedError(msg)
        try:
            with path.open("rb") as content:
                size = str(path.stat().st_size)
                headers = {"Content-Length": size}
                with httpx.Client(
                    timeout=_SECONDS, transport=self.transport, verify=certificates_for(url)
                ) as http:
                    response = http.put(url, content=content, headers=headers)
        except httpx.HTTPError as error:
            msg = f"{path.name} could not be uploaded: {error}. Deploy again; nothing was changed."
            raise UnreachableError(msg) from error
        if not response.is_success:
            answer = f"HTTP {response.status_code} {_answer_text(response)}".rstrip()
            msg = f"The server did not take {path.name}: {answer}"
            raise RefusedError(msg)


def _answer_text(response: httpx.Response) -> str:
    try:
        answer = response.json()
        said = [answer["error"]] if "error" in answer else [e["message"] for e in answer["errors"]]
    except (ValueError, KeyError, TypeError):
        return ""
    return " ".join(map(str, said))
