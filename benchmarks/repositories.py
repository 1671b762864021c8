"""Large made-up repositories."""

from __future__ import annotations

import subprocess
from pathlib import Path

#: Of agents; each has one of its own.
_QUEUES = 20
_ENTRY = """\
  - location_name: {name}
    code_source:
      module_name: {name}.definitions
    build:
      directory: {directory}
      registry: registry.example.com/{name}
    agent_queue: queue-{number}
    container_context:
      k8s:
        env_vars:
          - LOCATION={name}
"""


def one_file_for_each(root: Path, *, locations: int, files: int) -> None:
    """A ``dagster_cloud.yaml`` in the folder of each location; ``files`` files in all."""
    _make(root, locations=locations, files=files)
    for number in range(locations):
        folder = root / f"teams/team{number % 20}/location{number}"
        text = "locations:\n" + _entry(number, ".")
        (folder / "dagster_cloud.yaml").write_text(text, encoding="utf-8")


def one_root_file(root: Path, *, locations: int, files: int) -> None:
    """One ``dagster_cloud.yaml`` with all locations; ``files`` files in all."""
    _make(root, locations=locations, files=files)
    entries = [_entry(n, f"./teams/team{n % 20}/location{n}") for n in range(locations)]
    (root / "dagster_cloud.yaml").write_text("locations:\n" + "".join(entries), encoding="utf-8")


def commit_twice(root: Path) -> None:
    """Let git keep it all; the second commit changes one file."""
    author = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@example.com")
    _git(root, "init", "--quiet")
    for text in ("", "changed = True\n"):
        file = root / "teams/team3/location3/location3/assets/asset0.py"
        file.write_text(text, encoding="utf-8")
        _git(root, "add", "--all")
        _git(root, *author, "commit", "--quiet", "--message", "benchmark")


def _git(root: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=root, check=True)  # noqa: S603, S607 - git as it is found


def _entry(number: int, directory: str) -> str:
    return _ENTRY.format(name=f"location{number}", directory=directory, number=number % _QUEUES)


def _make(root: Path, *, locations: int, files: int) -> None:
    (root / ".git").mkdir(parents=True)
    agents = [f"  - {{name: agent{each}, queues: [queue-{each}]}}\n" for each in range(_QUEUES)]
    (root / "agents.yaml").write_text("agents:\n" + "".join(agents), encoding="utf-8")
    (root / ".gitignore").write_text("__pycache__/\n*.pyc\n/dist/\n.venv/\n", encoding="utf-8")
    for number in range(locations):
        folder = root / f"teams/team{number % 20}/location{number}"
        package = folder / f"location{number}" / "assets"
        package.mkdir(parents=True)
        (folder / "Dockerfile").write_text("FROM python:3.12-slim\n", encoding="utf-8")
        (folder / "pyproject.toml").write_text('[project]\nname = "x"\n', encoding="utf-8")
        (package.parent / "definitions.py").write_text("", encoding="utf-8")
        for each in range(files // locations - 4):
            suffix = ("py", "py", "py", "sql", "yaml")[each % 5]
            (package / f"asset{each}.{suffix}").write_text("", encoding="utf-8")
