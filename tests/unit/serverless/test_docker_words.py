"""What is said of containers that ended, and of images in which no code server starts."""

from __future__ import annotations

from typing import Any

import pytest

from dagstead.serverless.docker.containers import HowItEnded
from dagstead.serverless.docker.daemon import advice_on_full_disk
from dagstead.serverless.docker.image_problems import problem_in
from dagstead.serverless.sandbox.limits import ProcessLimits

NEXT_STEP = (
    "Raise `memory_mb` in `container_context: dagstead_pool`, or the pool's setting "
    "`pool_memory_mb`."
)
DAEMON = {"Os": "linux", "Arch": "amd64"}


def end(code: int, *, over: bool = False, limit: int | None = 400) -> str:
    limits = ProcessLimits(memory_mb=limit)
    return HowItEnded(exit_code=code, is_over_memory=over, limits=limits).words("It", " there")


def problem(said: str, **more: Any) -> str | None:
    found = {"Os": "linux", "Architecture": "amd64", "Config": {}, **more}
    return problem_in("shop:1", found, DAEMON, said)


def test_an_end_for_want_of_memory_names_the_limit_and_the_next_step() -> None:
    over = f"It was ended there: it needed more memory than its limit, 400 MiB. {NEXT_STEP}"
    assert end(137, over=True) == over
    assert (
        end(137, over=True, limit=None) == "It was ended there: the machine had run out of memory."
    )


def test_other_ends_are_not_put_down_to_the_limit() -> None:
    assert end(137) == "It was killed there. Most often the machine had run out of memory."
    assert end(3) == "It ended with code 3 there."


@pytest.mark.parametrize(
    ("said", "more", "words"),
    [
        ("exec format error", {}, "has programs that a machine of linux/amd64 cannot run"),
        ("anything", {"Architecture": "arm64"}, "is made for linux/arm64"),
        ('exec: "dagster": executable file not found in $PATH', {}, "has no Dagster"),
        ("ModuleNotFoundError: No module named 'dagster_cloud'", {}, "has no Dagster"),
        (
            "bye",
            {"Config": {"Entrypoint": ["/begin"]}},
            "has an entry point of its own, ['/begin']",
        ),
    ],
)
def test_the_problem_of_an_image_is_named_with_the_next_step(
    said: str, more: dict[str, Any], words: str
) -> None:
    sentence = problem(said, **more)

    assert sentence is not None
    assert sentence.startswith(f"Image shop:1 {words}")
    assert sentence.endswith("deploy again.")


def test_code_that_fails_by_itself_is_no_problem_of_the_image() -> None:
    assert problem("ZeroDivisionError: division by zero") is None
    assert problem("ModuleNotFoundError: No module named 'dagster_dbt'") is None


def test_a_full_disk_is_told_from_other_failures() -> None:
    full = "write /var/lib/docker/tmp/GetImageBlob1: no space left on device"
    advice = advice_on_full_disk(full)

    assert advice is not None
    assert "docker system df" in advice
    assert advice_on_full_disk("OSError: [Errno 28] No space left on device") == advice
    assert advice_on_full_disk("manifest unknown") is None
