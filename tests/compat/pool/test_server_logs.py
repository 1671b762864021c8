"""What code of a real location prints is read on the page of its location, also when it breaks."""

from __future__ import annotations

import html
import re

import httpx
import pytest

from dagstead.testing.waiting import eventually
from tests.support.pool_plane import Plane

pytestmark = pytest.mark.compat

PROJECT = """
import os
import library
from dagster import Definitions, job, op

print("reading the grid", flush=True)
print("my token is", os.environ["DAGSTER_CLOUD_AGENT_TOKEN"], flush=True)
{ends}

@op
def nothing():
    pass

@job
def quiet():
    nothing()

definitions = Definitions(jobs=[quiet])
"""


def printed(plane: Plane, location: str) -> str | None:
    """What the page of a location shows of its code server."""
    answer = httpx.get(
        f"{plane.url}/-/locations/prod/{location}",
        headers={"Authorization": f"Bearer {plane.token}", "Accept": "text/html"},
    )
    assert answer.status_code == httpx.codes.OK, answer.text[:300]
    found = re.search(r"<pre class=\"log\"[^>]*>(.*?)</pre>", answer.text, re.DOTALL)
    return None if found is None else html.unescape(found[1])


@pytest.mark.parametrize(
    ("name", "ends", "last"),
    [
        ("speaks", "", "my token is worker:"),
        ("breaks", "import os; print('out of memory', flush=True); os._exit(9)", "out of memory"),
    ],
)
def test_what_it_printed_when_it_loaded_is_there(
    plane: Plane, name: str, ends: str, last: str
) -> None:
    source = plane.bench.source({"project.py": PROJECT.replace("{ends}", ends)})
    plane.deploy_pex(
        name, plane.bench.dependencies({"library/__init__.py": "VERSION = 1\n"}), source
    )
    plane.loaded(name)
    shown = eventually(
        lambda: (found := printed(plane, name)) and last in found and found, 60, "the log"
    )
    assert "reading the grid" in str(shown)
    # The last part of a token is what opens something.
    assert re.search(r"my token is worker:[^:]+:\*\*\*$", str(shown), re.MULTILINE)
