"""A location that the tests of a folder share."""

from __future__ import annotations

import pytest

from tests.support.pool_plane import Plane

PROJECT = """
import os, sys, time
from pathlib import Path
import dagster, library
from dagster import AssetMaterialization, Definitions, Output, graph, op, resource

def umask():
    found = os.umask(0)
    os.umask(found)
    return found

def told():
    facts = {
        "library": str(library.VERSION),
        "dagster": dagster.__version__,
        "folder": os.getcwd(),
        "file": Path("beside.txt").read_text(),
        "names": " ".join(sorted(os.environ)),
        "umask": f"{umask():03o}",
    }
    return AssetMaterialization("facts", metadata=facts)

@op
def tell():
    yield told()
    yield Output(None)

@op
def wait(context):
    print("waiting", flush=True)
    gate = Path(os.environ["GATES"]) / f"gate-{context.run_id}"
    while not gate.exists():
        time.sleep(0.1)
    yield told()
    yield Output(None)

@graph
def quick():
    tell()

@resource
def late(context):
    # Before a step's output is captured: what is printed goes to the code server's own.
    gate = Path(os.environ["GATES"]) / f"gate-{context.run_id}"
    while not gate.exists():
        time.sleep(0.1)
    print("late", flush=True)

@op(required_resource_keys={"late"})
def tell_late():
    yield told()
    yield Output(None)

@graph
def slow():
    wait()

@graph
def slow_to_begin():
    tell_late()

definitions = Definitions(
    jobs=[each.to_job(executor_def=dagster.in_process_executor, resource_defs={"late": late})
          for each in (quick, slow, slow_to_begin)]
)
"""


@pytest.fixture(scope="package")
def source(plane: Plane) -> str:
    return plane.bench.source({"project.py": PROJECT, "beside.txt": "a file of the project"})


@pytest.fixture(scope="package")
def deps(plane: Plane) -> str:
    return plane.bench.dependencies({"library/__init__.py": "VERSION = 1\n"})


@pytest.fixture(scope="package")
def location(plane: Plane, source: str, deps: str) -> str:
    """A deployed and loaded location, for the tests about runs."""
    plane.deploy_pex("shared", deps, source)
    assert plane.loaded("shared")["__typename"] == "RepositoryLocation"
    return "shared"
