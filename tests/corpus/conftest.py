"""What commands and official functions read of the environment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def _no_network_and_no_ci() -> Iterator[None]:
    """What the official functions read of the environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("GITHUB_ACTIONS", "GITHUB_EVENT_PATH", "GITLAB_CI", "CI"):
            patch.delenv(name, raising=False)
        patch.setenv("DAGSTER_CLOUD_URL", "http://127.0.0.1:1")
        patch.setenv("DAGSTER_CLOUD_API_TOKEN", "none")
        yield
