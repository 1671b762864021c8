"""DS264: the Pythons that a build directory allows."""

from __future__ import annotations

import os
from collections.abc import Iterator

from dagstead.repository.python.demands import DemandReader, fitting, none_fits
from dagstead.repository.rules.base import Severity, Violation, evidence_rule
from dagstead.repository.rules.build_folders import unnamed_folder
from dagstead.repository.rules.evidence import Evidence
from dagstead.repository.rules.packages import place_of_build

_CODE = {
    "dagster_cloud.yaml": """
        locations:
          - location_name: etl
            code_source:
              module_name: etl.definitions
        """,
    "etl/__init__.py": "",
    "etl/definitions.py": "",
}
_NAMED = "name = 'etl'\nversion = '1'\ndependencies = ['dagster', 'dagster-cloud']\n"


@evidence_rule(
    "DS264",
    "no-python-fits",
    reason="""
        PEX files are built for one of the Pythons that the agents run. When the build directory
        excludes all of them, in the words of whatever tool, `uv` refuses to install it.
        """,
    bad={
        **_CODE,
        "pyproject.toml": f"[project]\n{_NAMED}requires-python = '<3.9'\n",
    },
    good={
        **_CODE,
        "pyproject.toml": f"[project]\n{_NAMED}requires-python = '>=3.9'\n",
    },
)
def no_python_fits(evidence: Evidence) -> Iterator[Violation]:
    """Some Python that agents run is allowed."""
    reader = DemandReader(evidence.documents)
    for location, folder in evidence.pex_builds:
        names = frozenset(os.listdir(folder))  # noqa: PTH208 - names, of every location
        binding = reader.of_package(folder, names)
        others = reader.of_environments(folder, names)
        _, allowed = fitting(binding, others)
        if not allowed and unnamed_folder(evidence.project, location) is None:
            message, instead = none_fits(binding, others, folder.name)
            yield Violation(
                position=place_of_build(location),
                message=f"{message[0].lower()}{message[1:]}",
                instead=instead,
                severity=Severity.ERROR if binding else Severity.WARNING,
            )
