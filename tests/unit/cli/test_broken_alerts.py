"""Alert policies that cannot be read, as the command line shows them in both ways."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dagstead.plane.alert_documents import read_document
from dagstead.plane.alert_policies import AlertDocument
from tests.support.alert_policies import damage, entry_of
from tests.unit.cli.conftest import Command
from tests.unit.cli.planes import served


def test_they_are_in_the_list_with_what_to_do(
    nothing_chosen: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(tmp_path / "plane") as plane:
        document = read_document([entry_of("broken"), entry_of("well")], AlertDocument.OWN)
        plane.store.alert_policies.replace("prod", AlertDocument.OWN, document, "ada")
        damage(plane.store, "broken")
        words = ("alerts", "list", "--format", "json")
        local = nothing_chosen(*words, "--data", str(tmp_path / "plane"))
        token = plane.token()
        monkeypatch.setenv("DAGSTER_CLOUD_URL", plane.url)
        monkeypatch.setenv("DAGSTER_CLOUD_API_TOKEN", token)
        remote = nothing_chosen(*words)
    assert local == remote
    well, broken = json.loads(local.out)
    assert well.keys() == broken.keys()
    assert (well["policy"], broken["policy"]) == ("well", "broken")
    assert broken["last"] == "cannot be read"
    assert "sync it again with `dagstead alerts sync FILE --deployment prod`" in broken["error"]
