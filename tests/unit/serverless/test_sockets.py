"""Code servers listen on paths that are short enough, however long those of folders are."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dagstead.errors import ConfigurationError
from dagstead.serverless import sockets
from dagstead.serverless.code_server import CodeServer, ServerId
from dagstead.serverless.home import PoolHome
from dagstead.serverless.sandbox.programs import Owner, Program
from dagstead.serverless.server_table import ServerTable
from dagstead.serverless.sockets import folder_for_sockets
from tests.support.sandboxes import without_walls

HANDLE = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    """A folder with a long path."""
    folder = tmp_path / ("d" * 90)
    folder.mkdir()
    return folder


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short TMPDIR."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    shutil.rmtree(folder)


def table_in(folder: Path) -> ServerTable:
    home = PoolHome(root=folder)
    return ServerTable(home, sandbox=without_walls(home), umask=0o077)


def assert_can_listen(server: CodeServer) -> None:
    for path in (server.binding, Path(server.id.socket)):
        path.parent.mkdir()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
        path.unlink()
        path.parent.rmdir()


def test_sockets_are_in_the_pool_s_folder_where_its_path_is_short(temporary: Path) -> None:
    with closing(table_in(temporary / "pool")) as table:
        table.open()
        server = table.add("prod", "ml")
        servers = temporary / "pool" / "servers"
        assert Path(server.id.socket).parent.parent == server.binding.parent.parent == servers


def test_sockets_are_in_a_temporary_folder_where_the_pool_s_path_is_long(
    deep: Path, temporary: Path
) -> None:
    with closing(table_in(deep)) as table:
        table.open()
        server = table.add("prod", "ml")
        assert Path(server.id.socket).parent.parent.parent == temporary
        assert_can_listen(server)
    assert list(temporary.iterdir()) == []


def test_a_long_temporary_folder_is_not_used(deep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with closing(table_in(deep)) as table:
        table.open()
        assert_can_listen(table.add("prod", "ml"))


def test_where_no_path_is_short_a_sentence_says_what_to_set(
    deep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    monkeypatch.setattr(sockets, "_ALWAYS_SHORT", deep / "not-there")
    with pytest.raises(ConfigurationError, match="No such file or directory. Set TMPDIR"):
        folder_for_sockets(deep)


def test_the_temporary_folder_of_an_agent_that_was_killed_goes_with_its_last_server(
    deep: Path, temporary: Path
) -> None:
    killed = temporary / "dagstead-killed"
    killed.mkdir()
    home = PoolHome(root=deep)
    home.create()
    server = CodeServer(
        id=ServerId(
            handle=HANDLE,
            deployment="prod",
            location="ml",
            socket=str(sockets.socket_in(killed, HANDLE)),
        ),
        record=home.servers / f"{HANDLE}.json",
        binding=sockets.socket_in(killed, "bound"),
        umask=0o077,
    )
    program = Program(command=["/bin/sleep", "60"], environment={})
    server.start(program, Owner.location("prod", "ml"), without_walls(home), 60)
    with closing(table_in(deep)) as table:
        table.open()
        table.drop(HANDLE)
    assert not killed.exists()
