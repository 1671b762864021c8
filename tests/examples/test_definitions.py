from __future__ import annotations

import importlib

import dagster as dg
import pytest
from dagster_cloud_cli.config.models import load_dagster_cloud_yaml

from tests.support.environments import REPOSITORY

MONOREPO = REPOSITORY / "examples" / "monorepo"


@pytest.mark.parametrize("name", ["weather", "digits"])
def test_a_location_names_a_module_that_has_its_definitions(name: str) -> None:
    text = (MONOREPO / "dagster_cloud.yaml").read_text(encoding="utf-8")
    locations = {each.location_name: each for each in load_dagster_cloud_yaml(text).locations}
    source = locations[name].code_source
    assert source is not None
    module = importlib.import_module(str(source.module_name))

    assert isinstance(module.defs, dg.Definitions)
