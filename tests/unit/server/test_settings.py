from __future__ import annotations

from pathlib import Path

import pytest

from dagstead.errors import ConfigurationError
from dagstead.server.settings import Settings
from dagstead.server.settings_report import report
from dagstead.server.settings_sources import Source, load_settings
from dagstead.server.supervisor import settings_environment


def write(folder: Path, text: str, name: str = "dagstead.toml") -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_each_source_wins_over_the_weaker_ones(tmp_path: Path) -> None:
    write(tmp_path, 'port = 1001\nhost = "1.1.1.1"\norganization = "of-file"\n')
    loaded = load_settings(
        {"port": 1003, "data": tmp_path, "host": None},
        environment={"DAGSTEAD_PORT": "1002", "DAGSTEAD_HOST": "2.2.2.2"},
    )

    assert (loaded.settings.port, loaded.sources["port"]) == (1003, Source.FLAG)
    assert (loaded.settings.host, loaded.sources["host"]) == ("2.2.2.2", Source.ENVIRONMENT)
    assert loaded.settings.organization == "of-file"
    assert loaded.sources["organization"] is Source.FILE
    assert loaded.sources["log_level"] is Source.DEFAULT


def test_defaults_work_alone() -> None:
    settings = load_settings(environment={}).settings

    assert settings.base_url == "http://127.0.0.1:3000"
    assert settings.database_url == f"sqlite:///{Path.cwd() / 'dagstead-data' / 'dagstead.db'}"
    assert settings.postgres_url is None


def test_an_empty_variable_counts_as_absent() -> None:
    assert load_settings(environment={"DAGSTEAD_PORT": ""}).settings.port == 3000


def test_a_relative_folder_in_a_file_counts_from_that_file(tmp_path: Path) -> None:
    file = write(tmp_path, 'data = "stuff"\n', "elsewhere.toml")
    assert load_settings({"config": file}, environment={}).settings.data == tmp_path / "stuff"


def test_the_file_in_the_folder_cannot_move_the_folder(tmp_path: Path) -> None:
    write(tmp_path, 'data = "stuff"\n')
    with pytest.raises(ConfigurationError, match="--config"):
        load_settings({"data": tmp_path}, environment={})


def test_an_unknown_key_is_refused_with_the_likely_one(tmp_path: Path) -> None:
    write(tmp_path, "prot = 3\n")
    with pytest.raises(ConfigurationError, match=r"'prot' is not a setting. Did you mean 'port'\?"):
        load_settings({"data": tmp_path}, environment={})


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    file = write(tmp_path, "port = = 3\n")
    with pytest.raises(ConfigurationError, match=str(file)):
        load_settings({"data": tmp_path}, environment={})


def test_a_missing_file_that_was_asked_for_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml"):
        load_settings(environment={"DAGSTEAD_CONFIG": "nowhere.toml"})


@pytest.mark.parametrize(
    ("flags", "environment", "place"),
    [
        ({"port": 70000}, {}, "--port 70000"),
        ({}, {"DAGSTEAD_PORT": "many"}, "DAGSTEAD_PORT 'many'"),
        ({"public_url": "example.com"}, {}, "--public-url 'example.com'"),
        ({"public_url": "https://example.com/agents"}, {}, "only scheme, host and port"),
        ({"organization": "a:b"}, {}, "--organization 'a:b'"),
        ({"log_level": "loud"}, {}, "--log-level 'loud'"),
    ],
)
def test_a_bad_value_is_refused_where_it_stands(
    flags: dict[str, object], environment: dict[str, str], place: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(flags, environment=environment)
    assert place in caught.value.message


def test_variables_that_have_no_effect_are_told() -> None:
    environment = {"DAGSTEAD_PROT": "1", "DAGSTEAD_SECRET_KEY": "x", "DAGSTEAD_PORT": "2000"}
    assert load_settings(environment=environment).warnings == (
        "DAGSTEAD_PROT is not a setting and has no effect. Did you mean 'DAGSTEAD_PORT'?",
    )


def test_every_setting_has_a_purpose_and_a_row() -> None:
    rows = {row["name"]: row for row in report(load_settings(environment={}))}
    assert set(rows) == set(Settings.model_fields)
    assert all(str(row["purpose"]).endswith(".") for row in rows.values())


def test_the_report_tells_the_source_and_hides_the_password() -> None:
    loaded = load_settings(
        {"port": 4000}, environment={"DAGSTEAD_DATABASE": "postgresql://me:hunter2@db/plane"}
    )
    rows = {row["name"]: row for row in report(loaded)}
    assert rows["database"]["value"] == "postgresql://me:***@db/plane"
    assert rows["database"]["source"] == "environment DAGSTEAD_DATABASE"
    assert rows["port"]["source"] == "flag --port"
    assert "hunter2" not in repr(rows)


def test_a_child_gets_the_very_same_settings(tmp_path: Path) -> None:
    write(tmp_path, "max_body_mb = 7\npool = false\n")
    loaded = load_settings(
        {"data": tmp_path, "port": 4000}, environment={"DAGSTEAD_LOG_LEVEL": "debug"}
    )
    child = load_settings(environment=settings_environment(loaded))
    assert child.settings == loaded.settings


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:3000"),
        ("::", "http://[::1]:3000"),
        ("plane.internal", "http://plane.internal:3000"),
    ],
)
def test_the_local_address_can_be_opened(host: str, url: str) -> None:
    assert load_settings({"host": host}, environment={}).settings.local_url == url
