"""Where a login is kept, and whose it is."""

from __future__ import annotations

import pwd
from pathlib import Path

import pytest

from dagstead.client.saved_login import (
    SavedLogin,
    forget_login,
    login_file,
    save_login,
    saved_login,
)
from dagstead.errors import ConfigurationError

LOGIN = SavedLogin(url="https://dagstead.example.com", token="user:dagstead:x")


def test_a_newer_login_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    variables = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert saved_login(variables) is None
    save_login(variables, SavedLogin(url="https://other.example.com", token="y"))
    file = save_login(variables, LOGIN)
    assert saved_login(variables) == LOGIN
    assert [each.name for each in file.parent.iterdir()] == ["login.json"]
    assert LOGIN.token not in repr(LOGIN)
    assert forget_login(variables)
    assert not forget_login(variables)


def test_a_relative_folder_for_configuration_counts_for_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    expected = tmp_path / ".config/dagstead/login.json"
    assert login_file({"XDG_CONFIG_HOME": "here"}) == login_file({}) == expected


def test_a_login_that_cannot_be_kept_is_told(tmp_path: Path) -> None:
    (tmp_path / "dagstead").touch()
    variables = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert saved_login(variables) is None
    with pytest.raises(ConfigurationError, match="cannot be saved"):
        save_login(variables, LOGIN)


def test_a_user_without_a_home_has_saved_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(number: int) -> object:
        raise KeyError(number)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert saved_login({}) is None
    with pytest.raises(ConfigurationError, match="no home folder"):
        save_login({}, LOGIN)
