"""PEX files are sent once, under names with the hash of their content."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import httpx
import pytest

from dagstead.client.connection import Connection, ServerAddress
from dagstead.client.uploads import Uploads
from dagstead.errors import RefusedError


class Server:
    """Has files, gives addresses, and takes what is put there."""

    def __init__(self, *stored: str, status: int = 200, addresses: bool = True) -> None:
        self.files: dict[str, bytes] = dict.fromkeys(stored, b"")
        self.status = status
        self.addresses = addresses
        self.transport = httpx.MockTransport(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "PUT":
            if self.status == 200:
                self.files[unquote(request.url.path.rpartition("/")[2])] = request.content
            return httpx.Response(self.status, json={"errors": [{"message": "Too large."}]})
        body = json.loads(request.content)
        names = body["variables"]["names"]
        result: list[Any] = [name for name in names if name in self.files]
        if "generateServerlessPexUrl" in body["query"]:
            urls = (f"http://plane.test/blobs/{quote(name)}" for name in names)
            result = [{"url": url if self.addresses else None} for url in urls]
        return httpx.Response(200, json={"data": {"result": result}})

    def send(self, *paths: Path) -> tuple[list[str], list[str]]:
        announced: list[str] = []
        target = ServerAddress(url="http://plane.test", token="t")
        with Connection(target, transport=self.transport) as connection:
            sent = Uploads(connection, self.transport).send(
                paths, lambda path: announced.append(path.name)
            )
        return [each.name for each in sent], announced


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "deps-1.pex", tmp_path / "source-2.pex"]
    for path in paths:
        path.write_bytes(path.name.encode())
    return paths


def pinned(path: Path) -> str:
    return f"{path.stem}+{hashlib.sha256(path.read_bytes()).hexdigest()}.pex"


def test_what_is_missing_is_sent_once(files: list[Path]) -> None:
    server = Server(pinned(files[0]))
    assert server.send(*files, *files) == (["source-2.pex"], ["source-2.pex"])
    assert server.files[pinned(files[1])] == b"source-2.pex"


def test_another_file_of_the_same_name_does_not_count_as_stored(files: list[Path]) -> None:
    server = Server("deps-1.pex", f"source-2+{'0' * 64}.pex")
    assert server.send(*files)[0] == ["deps-1.pex", "source-2.pex"]


def test_a_file_that_is_built_again_is_sent_again(files: list[Path]) -> None:
    server = Server()
    server.send(*files)
    files[1].write_bytes(b"built again")
    assert server.send(*files)[0] == ["source-2.pex"]


def test_nothing_to_send_asks_nobody() -> None:
    assert Server().send() == ([], [])


@pytest.mark.parametrize(
    ("server", "says"),
    [(Server(status=413), "HTTP 413 Too large."), (Server(addresses=False), "may not upload")],
)
def test_a_refusal_names_the_file(files: list[Path], server: Server, says: str) -> None:
    with pytest.raises(RefusedError, match=says) as refused:
        server.send(*files)
    assert "deps-1.pex" in refused.value.message
