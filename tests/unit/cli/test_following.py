"""What is printed of a release that has ended."""

from __future__ import annotations

from dataclasses import replace

from dagstead.cli.following import errors_of
from tests.unit.client.test_release_follower import release


def test_a_start_that_timed_out_names_the_setting_that_helps() -> None:
    failed = release("failed", ("weather", "failed", "taken"), ("digits", "failed", "taken"))
    weather, digits = failed.parts
    late = replace(weather, error="Timed out after waiting 180s for server weather-1:4000.")
    wrong = replace(digits, error="ImportError: numpy")

    first, second = errors_of(replace(failed, parts=(late, wrong)))

    assert first.startswith("weather:\nTimed out after waiting 180s")
    assert "server_process_startup_timeout" in first
    assert second == "digits:\nImportError: numpy"
