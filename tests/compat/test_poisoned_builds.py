"""A build for production whose file somebody else has stored before, under the name that it has."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.compat.test_deploy import Site, site
from tests.support import documents

__all__ = ["site"]

pytestmark = pytest.mark.compat


def built(site: Site, folder: Path) -> Path:
    """The file with the source of location one as it is now."""
    done = site.run("build", "--location", "one", "--output", str(folder), "--no-load")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((folder / "build.json").read_text(encoding="utf-8"))
    name: str = manifest["locations"][0]["pex"]["source"]
    return folder / name


def store(site: Site, token: str, deployment: str, name: str, content: bytes) -> None:
    """Send a file as the official CLI does."""
    answer = httpx.post(
        f"{site.plane.url}/{deployment}/graphql",
        json={"query": documents.ADDRESSES, "variables": {"names": [name]}},
        headers={"Dagster-Cloud-Api-Token": token},
    ).json()
    url = answer["data"]["generateServerlessPexUrl"][0]["url"]
    httpx.put(url, content=content).raise_for_status()


def test_code_that_others_stored_under_the_name_of_a_build_is_not_run(
    site: Site, tmp_path: Path
) -> None:
    site.run("deployment", "create", "staging")
    made = site.run("token", "create", "--name", "s", "--deployment", "staging")
    assert made.returncode == 0, made.stderr
    site.write("one", "v2")
    evil = built(site, tmp_path / "evil").read_bytes()
    site.write("one", "v1")
    name = built(site, tmp_path / "good").name

    # Somebody who may not deploy to prod, and then even somebody who may.
    store(site, made.stdout.strip(), "staging", name, evil)
    store(site, site.plane.token, "prod", name, evil)
    deployed = site.run("deploy", "--location", "one", "--no-load")

    assert deployed.returncode == 0, deployed.stderr
    assert f"uploading {name}" in deployed.stderr
    assert site.served("one") == {"one_v1"}
    # The official CLI names no content: it gets what was sent last by those who may deploy there.
    site.plane.deploy("official", pex_metadata={"pex_tag": f"files={name}"})
    document = site.plane.ask("{ locationsAsDocument { document } }")["locationsAsDocument"]
    tags = {
        each["location_name"]: each["pex_metadata"]["pex_tag"]
        for each in document["document"]["locations"]
    }
    assert tags["official"].removeprefix("files=") in tags["one"].split(":")
