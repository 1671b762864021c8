"""``dagstead agent config`` as a person meets it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.unit.cli.conftest import Command

BASICS = ("agent", "config", "--type", "docker", "--url", "http://plane.example.com/")


def test_a_named_queue_switches_the_default_queue_off_and_says_so(dagstead: Command) -> None:
    said = dagstead(*BASICS, "--queue", "gpu")

    assert yaml.safe_load(said.out)["agent_queues"] == {
        "include_default_queue": False,
        "additional_queues": ["gpu"],
    }
    assert "The default queue is off" in said.err
    assert (
        "dagstead token create --kind agent --name NAME --deployment prod --queue gpu" in said.err
    )


@pytest.mark.parametrize("arguments", [("--queue", "gpu", "--default-queue"), ()])
def test_an_agent_of_the_default_queue_is_warned_of(
    dagstead: Command, arguments: tuple[str, ...]
) -> None:
    said = dagstead(*BASICS, *arguments)

    assert yaml.safe_load(said.out)["agent_queues"]["include_default_queue"] is True
    assert "this agent also gets serverless locations" in said.err


def test_the_address_comes_from_the_environment_too(
    dagstead: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_CLOUD_URL", "http://from.example.com")

    said = dagstead("agent", "config", "--type", "local", "--queue", "gpu")

    assert yaml.safe_load(said.out)["dagster_cloud_api"]["url"] == "http://from.example.com"


def test_a_file_is_written_and_another_one_is_not_overwritten(
    dagstead: Command, tmp_path: Path
) -> None:
    file = tmp_path / "dagster.yaml"

    assert dagstead(*BASICS, "--queue", "gpu", "--output", str(tmp_path)).code == 0
    first = file.read_text(encoding="utf-8")
    refused = dagstead(*BASICS, "--queue", "cpu", "--output", str(file))
    assert refused.code == 2
    assert "--force" in refused.err
    assert file.read_text(encoding="utf-8") == first

    assert dagstead(*BASICS, "--queue", "cpu", "--output", str(file), "--force").code == 0
    assert "cpu" in file.read_text(encoding="utf-8")


def test_a_file_that_cannot_be_written_is_reported(dagstead: Command, tmp_path: Path) -> None:
    said = dagstead(*BASICS, "--output", str(tmp_path / "missing" / "dagster.yaml"))

    assert said.code == 2
    assert "--output" in said.err


@pytest.mark.parametrize("output", ["new/", "new/deep//", "new/.", "there", "there/", "."])
def test_a_folder_gets_a_file_and_is_made(
    dagstead: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()

    said = dagstead(*BASICS, "--queue", "gpu", "--output", output)

    assert said.code == 0
    assert yaml.safe_load((tmp_path / output / "dagster.yaml").read_text(encoding="utf-8"))
    assert f"wrote {Path(output) / 'dagster.yaml'}\n" in said.err


def test_a_path_without_a_slash_is_a_file(
    dagstead: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert dagstead(*BASICS, "--output", "agent").code == 0
    assert (tmp_path / "agent").is_file()
    refused = dagstead(*BASICS, "--output", "agent/")
    assert (refused.code, "cannot be written" in refused.err) == (2, True)
