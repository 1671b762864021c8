"""What this installation proves itself with at its registry, by the settings."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dagstead.errors import ConfigurationError, RegistryAwayError
from dagstead.server.registry.credentials import Credentials, PrintedPassword, credentials_of
from dagstead.server.settings_report import report
from dagstead.server.settings_sources import load_settings
from dagstead.testing.clock import ManualClock

PASSWORD = "hunter2"


def credentials(tmp_path: Path, **variables: str) -> Credentials | PrintedPassword | None:
    environment = {f"DAGSTEAD_REGISTRY_{name.upper()}": value for name, value in variables.items()}
    settings = load_settings({"data": tmp_path}, environment=environment).settings
    return credentials_of(settings, environment)


def test_a_registry_may_ask_for_nothing(tmp_path: Path) -> None:
    assert credentials(tmp_path) is None


def test_the_password_is_a_variable(tmp_path: Path) -> None:
    found = credentials(tmp_path, username="us", password=PASSWORD)

    assert found == Credentials(name="us", password=PASSWORD)
    assert PASSWORD not in repr(found)


def test_a_program_prints_it_and_is_asked_again_after_a_while(tmp_path: Path) -> None:
    count = tmp_path / "count"
    program = tmp_path / "program.py"
    program.write_text(
        "import pathlib, sys\n"
        f"file = pathlib.Path({str(count)!r})\n"
        "number = int(file.read_text()) + 1 if file.exists() else 1\n"
        "file.write_text(str(number))\n"
        "print(f'{sys.argv[1]} {number}')\n"
    )
    clock = ManualClock()
    printed = PrintedPassword("AWS", (sys.executable, str(program), "a b"), clock)

    assert [printed().password, printed().password] == ["a b 1", "a b 1"]
    clock.advance(601)
    assert printed().password == "a b 2"
    printed.forget()
    assert printed() == Credentials(name="AWS", password="a b 3")
    assert "a b 3" not in repr(printed)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("sh -c 'echo hunter2; exit 3'", "ended with 3"),
        ("nowhere-at-all", "cannot be started"),
        ("true", "printed nothing"),
        (r"printf '\377'", "something else than text"),
    ],
)
def test_a_program_that_fails_is_a_sentence_without_the_password(
    tmp_path: Path, command: str, sentence: str
) -> None:
    printed = credentials(tmp_path, username="us", command=command)
    assert isinstance(printed, PrintedPassword)

    with pytest.raises(RegistryAwayError, match=sentence) as refused:
        printed()
    assert PASSWORD not in str(refused.value)


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"username": "us"}, "there is no password"),
        ({"password": PASSWORD}, "registry_username is not"),
        ({"username": "us", "password": PASSWORD, "command": "true"}, "Keep one of them"),
        ({"username": "us", "command": "echo 'x"}, "No closing quotation"),
        ({"url": f"https://us:{PASSWORD}@registry.test"}, "must not have a password"),
        ({"url": "registry.test:5000"}, "must be an address"),
        ({"url": "https://registry.test/Team"}, "in lower case"),
        ({"host": "plane.test/path"}, "must be a host"),
        ({"host": "plane.test:x"}, "must be a host"),
    ],
)
def test_a_mistake_is_a_sentence(tmp_path: Path, variables: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        credentials(tmp_path, **variables)


def test_the_settings_do_not_show_it(tmp_path: Path) -> None:
    environment = {
        "DAGSTEAD_REGISTRY_PASSWORD": PASSWORD,
        "DAGSTEAD_REGISTRY_COMMAND": f"vault --token {PASSWORD}",
    }
    loaded = load_settings({"data": tmp_path}, environment=environment)

    assert loaded.warnings == ()
    assert PASSWORD not in repr(report(loaded))


@pytest.mark.parametrize(
    ("flags", "host"),
    [
        ({"port": 3100}, "127.0.0.1:3100"),
        ({"registry_host": "127.0.0.1:80"}, "127.0.0.1:80"),
        ({"public_url": "https://plane.test", "registry_host": "127.0.0.1:80"}, "plane.test"),
        ({"public_url": "http://dagstead"}, "dagstead:80"),
        ({"public_url": "https://dagstead"}, "dagstead:443"),
        ({"public_url": "http://localhost:3000"}, "localhost:3000"),
    ],
)
def test_images_are_named_so_that_docker_finds_the_server(
    flags: dict[str, object], host: str
) -> None:
    assert load_settings(flags, environment={}).settings.image_host == host
