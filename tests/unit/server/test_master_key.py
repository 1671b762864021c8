"""Where the master key comes from, by the settings."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dagstead.errors import ConfigurationError
from dagstead.plane.master_keys import new_master_key
from dagstead.server.master_key import key_source
from dagstead.server.settings_report import report
from dagstead.server.settings_sources import load_settings
from dagstead.server.supervisor import settings_environment

KEY, OLDER = new_master_key(), new_master_key()


def source_of(data: Path, variables: dict[str, str]) -> list[str]:
    """The ids of the keys that the settings of these variables give."""
    settings = load_settings({"data": data}, environment=variables).settings
    return [key.id for key in key_source(settings, variables).read()]


def test_it_comes_from_a_file_a_variable_or_a_command(tmp_path: Path) -> None:
    file = tmp_path / "my key"
    file.write_text(f"# mine\n{KEY.text}\n{OLDER.text}\n")
    program = tmp_path / "program.py"
    program.write_text(f"import sys; print({KEY.text!r} if sys.argv[1:] == ['a b'] else 1)")
    command = f"{sys.executable} {program} 'a b'"
    both, one = [KEY.id, OLDER.id], [KEY.id]
    assert source_of(tmp_path, {"DAGSTEAD_MASTER_KEY_FILE": str(file)}) == both
    assert source_of(tmp_path, {"DAGSTEAD_MASTER_KEY": f"{KEY.text} {OLDER.text}"}) == both
    assert source_of(tmp_path, {"DAGSTEAD_MASTER_KEY_COMMAND": command}) == one
    assert source_of(tmp_path, {}) == []


def test_a_file_is_named_from_the_settings_file(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text(KEY.text)
    (tmp_path / "dagstead.toml").write_text('master_key_file = "elsewhere"\n')
    loaded = load_settings({"data": tmp_path}, environment={})
    assert [key.id for key in key_source(loaded.settings, {}).read()] == [KEY.id]
    assert settings_environment(loaded)["DAGSTEAD_MASTER_KEY_FILE"] == str(tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        (
            {"DAGSTEAD_MASTER_KEY": KEY.text, "DAGSTEAD_MASTER_KEY_FILE": "x"},
            "given by DAGSTEAD_MASTER_KEY and by master_key_file. Keep one of them",
        ),
        ({"DAGSTEAD_MASTER_KEY": "hunter2"}, "Key 1 of DAGSTEAD_MASTER_KEY is not a master key"),
        (
            {"DAGSTEAD_MASTER_KEY_FILE": "nowhere"},
            "cannot be read from the file of master_key_file",
        ),
        ({"DAGSTEAD_MASTER_KEY_COMMAND": "nowhere"}, "No such file"),
        ({"DAGSTEAD_MASTER_KEY_COMMAND": "sh -c 'echo hunter2; exit 3'"}, "ended with 3"),
        ({"DAGSTEAD_MASTER_KEY_COMMAND": "echo hunter2"}, "is not a master key"),
        ({"DAGSTEAD_MASTER_KEY_COMMAND": "true"}, "There is no master key in the command"),
        ({"DAGSTEAD_MASTER_KEY_COMMAND": "echo 'hunter2"}, "as for a shell: No closing quotation"),
        ({"DAGSTEAD_MASTER_KEY_COMMAND": "''"}, "must begin with a program"),
    ],
)
def test_a_mistake_is_a_sentence_without_the_key(
    tmp_path: Path, variables: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigurationError, match=sentence) as refused:
        source_of(tmp_path, variables)
    assert "hunter2" not in str(refused.value)
    assert KEY.text not in str(refused.value)


def test_the_settings_do_not_show_it(tmp_path: Path) -> None:
    variables = {
        "DAGSTEAD_MASTER_KEY": KEY.text,
        "DAGSTEAD_MASTER_KEY_COMMAND": "vault --token hunter2",
    }
    loaded = load_settings({"data": tmp_path}, environment=variables)
    shown = repr(report(loaded))
    assert loaded.warnings == ()
    assert "'vault'" in shown
    assert "hunter2" not in shown
    assert KEY.text not in shown
