"""Made-up repositories with the oddities of real ones, and what must be found in them.

They keep the other tests of this folder honest: a tool that says nothing passes those.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class MadeUp:
    """A small repository."""

    name: str
    files: Mapping[str, str]
    #: How often rules must find something that is an error; no other error is right.
    errors: Mapping[str, int] = field(default_factory=dict)
    #: How often they must warn; other warnings may come.
    warnings: Mapping[str, int] = field(default_factory=dict)
    #: Names of the locations that must be shown.
    locations: frozenset[str] = frozenset({"tides"})


#: Codes of what no official loader reads, and what fails for certain: an address that docker does
#: not take, an action that is not there, a queue that no agent serves by itself, a location that no
#: workflow deploys.
CERTAIN = frozenset({"DS210", "DS230", "DS231", "DS232", "DW110", "DW140"})

#: What a PEX file can be made from.
_PACKAGE = {
    "pyproject.toml": '[project]\nname = "tides"\nversion = "1"\n'
    'dependencies = ["dagster", "dagster-cloud"]\n',
    "tides/__init__.py": "",
    "tides/definitions.py": "",
}
_GOOD = "locations:\n  - location_name: tides\n    code_source:\n      package_name: tides\n"
_REGISTRY = "    build:\n      directory: .\n      registry: {}\n"
_DOCKERFILE = {"Dockerfile": "FROM python:3.12-slim\n"}


def _cloud(text: str, **more: str) -> dict[str, str]:
    return {**_PACKAGE, "dagster_cloud.yaml": text, **more}


def _workflow(step: str, runner: str = "ubuntu-24.04") -> dict[str, str]:
    text = (
        "on:\n  push:\n    branches: [main]\njobs:\n  deploy:\n"
        f"    runs-on: {runner}\n    steps:\n{step}"
    )
    return {".github/workflows/deploy.yml": text}


FINE_WORKFLOW = ".github/workflows/deploy.yml"
FINE = MadeUp(
    name="fine",
    files={
        **_cloud(_GOOD),
        **_workflow(
            "      - run: dagster-cloud ci init --project-dir . --deployment prod\n"
            "      - run: dg plus deploy start --yes\n"
        ),
    },
)

MADE_UP: tuple[MadeUp, ...] = (
    # The text itself.
    MadeUp(name="windows", files=_cloud("\ufeff" + _GOOD.replace("\n", "\r\n").rstrip())),
    MadeUp(
        name="soft-hyphen",
        files=_cloud(_GOOD.replace("location_name", "location\u00ad_name")),
        locations=frozenset(),
        errors={"DS112": 1},
    ),
    MadeUp(
        name="empty-registry",
        files=_cloud(_GOOD + "    build:\n      registry:  # later\n"),
        warnings={"DS233": 1},
    ),
    MadeUp(
        name="commented-out",
        files=_cloud("".join(f"# {line}\n" for line in _GOOD.splitlines())),
        locations=frozenset(),
        errors={"DS104": 1},
    ),
    MadeUp(
        name="variants",
        files={
            **_PACKAGE,
            "dagster_cloud_dev.yaml": _GOOD + "    agent_queue: dev-queue\n",
            "dagster_cloud_prod.yaml": _GOOD + "    agent_queue: prod-queue\n",
        },
        warnings={"DS213": 2},
    ),
    # No YAML.
    MadeUp(
        name="colon-too-many",
        files=_cloud(_GOOD.replace("location_name: tides", "location_name: tides:")),
        locations=frozenset(),
        errors={"DS102": 1},
    ),
    MadeUp(
        name="crooked-workflow",
        files={
            **_cloud(_GOOD),
            **_workflow("     - run: echo one\n    - run: dagster-cloud ci status\n"),
        },
        errors={"DW101": 1},
    ),
    MadeUp(
        name="workflow-of-comments",
        files=_cloud(
            _GOOD, **{".github/workflows/deploy.yml": "# on: push\n# jobs: dagster-cloud\n"}
        ),
        warnings={"DW102": 1},
    ),
    # Another shape.
    MadeUp(
        name="one-location",
        files=_cloud("location_name: tides\ncode_source:\n  package_name: tides\n"),
        locations=frozenset(),
        errors={"DS105": 1},
    ),
    MadeUp(
        name="workspace-of-open-source",
        files=_cloud("load_from:\n  - python_module: tides\n"),
        locations=frozenset(),
        errors={"DS105": 1},
    ),
    MadeUp(
        name="mapping-of-locations",
        files=_cloud("locations:\n  tides:\n    code_source:\n      package_name: tides\n"),
        locations=frozenset(),
        errors={"DS106": 1},
    ),
    MadeUp(
        name="instance-settings",
        files=_cloud(
            "run_launcher:\n  module: dagster.core.launcher\n  class: DefaultRunLauncher\n"
        ),
        locations=frozenset(),
        errors={"DS105": 1},
    ),
    MadeUp(
        name="anchors-at-the-top",
        files=_cloud("shared: &shared\n  working_directory: .\n" + _GOOD + "    <<: *shared\n"),
        errors={"DS110": 1},
    ),
    # Keys that never were, or are no longer.
    MadeUp(
        name="old-keys",
        files=_cloud(
            "locations:\n  - location_name: tides\n    python_file: tides/definitions.py\n"
            "    env_vars: [A=1]\n    agent_queues: [north]\n    k8s: {namespace: tides}\n"
            "    code_source:\n      package_name: tides\n"
        ),
        errors={"DS111": 4},
    ),
    MadeUp(
        name="two-sources",
        files=_cloud(_GOOD + "      module_name: tides.definitions\n"),
        errors={"DS115": 1},
    ),
    MadeUp(
        name="build-keys",
        files=_cloud(
            _GOOD + "    build:\n      dockerfile: Dockerfile\n      python_version: '3.12'\n"
        ),
        errors={"DS111": 2},
    ),
    MadeUp(
        name="name-missing",
        files=_cloud("locations:\n  - code_source:\n      package_name: tides\n"),
        locations=frozenset(),
        errors={"DS113": 1},
    ),
    MadeUp(
        name="name-is-a-number",
        files=_cloud(_GOOD.replace("location_name: tides", "location_name: 2024")),
        locations=frozenset(),
        errors={"DS114": 1},
    ),
    # Values.
    MadeUp(
        name="unusual-names",
        files=_cloud(
            _GOOD.replace("location_name: tides", "location_name: 1 Tides Project")
            + _GOOD.removeprefix("locations:\n")
        ),
        locations=frozenset({"1 Tides Project", "tides"}),
    ),
    MadeUp(
        name="registry-with-a-tag",
        files={
            **_cloud(_GOOD + _REGISTRY.format("registry.example.com/tides:latest")),
            **_DOCKERFILE,
        },
        errors={"DS230": 1},
    ),
    MadeUp(
        name="registry-of-a-template",
        files={**_cloud(_GOOD + _REGISTRY.format("<account>.example.com/<image>")), **_DOCKERFILE},
        errors={"DS231": 1},
    ),
    MadeUp(
        name="registry-of-a-variable",
        files={**_cloud(_GOOD + _REGISTRY.format("${TIDES_REGISTRY}")), **_DOCKERFILE},
        errors={"DS232": 1},
    ),
    MadeUp(
        name="queue-called-default",
        files=_cloud(_GOOD + "    agent_queue: default\n"),
        errors={"DS210": 1},
    ),
    MadeUp(
        name="no-such-folder",
        files=_cloud(_GOOD + "    build:\n      directory: ./tide\n"),
        errors={"DS240": 1},
    ),
    MadeUp(
        name="nothing-to-install",
        files={"dagster_cloud.yaml": _GOOD, "tides/__init__.py": ""},
        errors={"DS260": 1},
    ),
    MadeUp(
        name="defaults-that-nothing-merges",
        files={
            **_cloud("defaults:\n  agent_queue: north\n" + _GOOD),
            **_workflow("      - run: dagster-cloud ci init --project-dir . --deployment prod\n"),
        },
        warnings={"DS221": 1},
    ),
    MadeUp(
        name="template-without-values",
        files=_cloud(_GOOD.replace("tides\n    code", "{{ name }}\n    code")),
        locations=frozenset(),
        errors={"DS120": 1},
    ),
    # Workflows.
    MadeUp(
        name="retired-runner",
        files={
            **_cloud(_GOOD),
            **_workflow(
                "      - uses: dagster-io/dagster-cloud-action/actions/utils/ci-init@v1.13.7\n"
                "        with: {project_dir: ., deployment: prod}\n"
                "      - run: dagster-cloud ci build\n      - run: dagster-cloud ci deploy\n",
                "ubuntu-20.04",
            ),
        },
        errors={"DW143": 1},
    ),
    MadeUp(
        name="command-that-does-not-exist",
        files={
            **_cloud(_GOOD),
            **_workflow("      - run: dagster-cloud ci publish --deployment prod\n"),
        },
        errors={"DW146": 1, "DW110": 1},
    ),
    MadeUp(
        name="action-that-does-not-exist",
        files={
            **_cloud(_GOOD),
            **_workflow(
                "      - uses: dagster-io/dagster-cloud-action/actions/serverless_deploys@v1.13.7\n"
            ),
        },
        errors={"DW140": 1},
    ),
    # dg.
    MadeUp(
        name="locations-in-a-build-file",
        files={
            "tides/pyproject.toml": '[project]\nname = "tides"\nversion = "1"\n'
            'dependencies = ["dagster", "dagster-cloud"]\n[tool.dg]\ndirectory_type = "project"\n'
            '[tool.dg.project]\nroot_module = "tides"\n',
            "tides/src/tides/__init__.py": "",
            "tides/src/tides/definitions.py": "",
            "tides/build.yaml": "locations:\n  - registry: registry.example.com/tides\n",
        },
        errors={"DS301": 1},
    ),
    MadeUp(
        name="dg-key-that-does-not-exist",
        files={
            **_PACKAGE,
            "dg.toml": 'directory_type = "project"\n[project]\nroot_modul = "tides"\n',
        },
        errors={"DS302": 2},
    ),
)
