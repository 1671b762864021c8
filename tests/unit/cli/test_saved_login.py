"""``dagstead login`` of a person, and which control plane a command then means."""

from __future__ import annotations

import io
import stat
import sys
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Command
from tests.unit.cli.planes import Served, served

pytestmark = pytest.mark.usefixtures("nothing_chosen")


def test_a_login_is_saved_for_its_owner_and_for_its_address(
    dagstead: Command, plane: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = plane.token()
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{secret}\n"))
    said = dagstead("login", "--url", f"{plane.url}/")
    file = tmp_path / "config/dagstead/login.json"
    assert (said.code, said.out) == (0, f"Logged in to {plane.url}. The token is in {file}.\n")
    assert secret not in said.out + said.err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700

    listed = dagstead("token", "list")
    assert listed.code == 0
    assert f"Using the control plane at {plane.url}, from the saved login.\n" in listed.err
    assert dagstead("release", "list", "--deployment", "prod").code == 0
    # Another address does not get the saved token.
    elsewhere = dagstead("token", "list", "--url", "http://127.0.0.1:1")
    assert (elsewhere.code, "There is no token for" in elsewhere.err) == (2, True)

    assert dagstead("logout").out.startswith("Logged out.")
    assert not file.exists()
    assert dagstead("logout").out == "There is no saved login.\n"
    gone = dagstead("token", "list")
    assert (gone.code, "There is no control plane in" in gone.err) == (2, True)


@pytest.mark.parametrize(
    ("typed", "code", "says"),
    [
        ("", 2, "There is no token on standard input."),
        ("agent:dagstead:x", 2, "This is an agent token"),
        ("user:dagstead:x", 1, "This token is unknown here."),
    ],
)
def test_a_login_that_opens_nothing_is_not_saved(
    dagstead: Command,
    plane: Served,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *,
    typed: str,
    code: int,
    says: str,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    said = dagstead("login", "--url", plane.url)
    assert (said.code, said.out) == (code, "")
    assert says in said.err
    assert not (tmp_path / "config").exists()


def test_a_saved_login_that_cannot_be_read_says_how_to_go_on(
    dagstead: Command, tmp_path: Path
) -> None:
    file = tmp_path / "config/dagstead/login.json"
    file.parent.mkdir(parents=True)
    file.write_text("[]", encoding="utf-8")
    said = dagstead("token", "list")
    assert (said.code, "Remove it with `dagstead logout`." in said.err) == (2, True)
    assert dagstead("logout").code == 0


def test_a_flag_wins_over_a_variable_and_that_over_a_login(
    dagstead: Command, plane: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with served(tmp_path / "dagstead-data") as here:
        here.store.deployments.create("here")

        def seen(*way: str) -> tuple[bool, str]:
            said = dagstead("deployment", "list", *way)
            assert said.code == 0, said
            return "here\t" in said.out, said.err

        assert seen() == (True, "")
        monkeypatch.setattr(sys, "stdin", io.StringIO(plane.token()))
        dagstead("login", "--url", plane.url)
        assert seen() == (False, f"Using the control plane at {plane.url}, from the saved login.\n")
        monkeypatch.setenv("DAGSTER_CLOUD_URL", plane.url)
        is_here, remark = seen()
        assert (is_here, "not the one in this folder (--data)" in remark) == (False, True)
        monkeypatch.setenv("DAGSTEAD_DATA", "dagstead-data")
        is_here, remark = seen()
        assert (is_here, f"not the one at {plane.url} (--url)" in remark) == (True, True)
        assert seen("--url", plane.url) == (False, "")
        assert seen("--data", "dagstead-data") == (True, "")
        both = dagstead("deployment", "list", "--url", plane.url, "--data", "dagstead-data")
        assert (both.code, "--url and --data name two" in both.err) == (2, True)
