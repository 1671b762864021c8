"""The image of a dg project in a workspace of uv is made from that workspace."""

from __future__ import annotations

from pathlib import Path

from tests.unit.repository.changes.git_repositories import Repository

_ROOT = '[tool.uv.workspace]\nmembers = ["projects/*", "libs/*"]\n'


def project(name: str) -> str:
    return (
        f'[project]\nname = "{name}"\nversion = "1"\n[tool.dg]\ndirectory_type = "project"\n'
        f'[tool.dg.project]\nroot_module = "{name}"\n'
    )


_FILES = {
    "pyproject.toml": _ROOT,
    "libs/knots/pyproject.toml": '[project]\nname = "knots"\nversion = "1"\n',
    "libs/knots/knots.py": "",
    "notes/today.md": "",
    "projects/anchor/pyproject.toml": project("anchor"),
    "projects/anchor/build.yaml": "registry: registry.example.com/anchor\n",
    "projects/anchor/Dockerfile": "FROM x\nCOPY libs/knots libs/knots\nCOPY projects/anchor .\n",
    "projects/buoy/pyproject.toml": project("buoy"),
}


def test_what_a_dockerfile_copies_is_looked_up_from_the_workspace(tmp_path: Path) -> None:
    repository = Repository.made(tmp_path / "r", _FILES)

    for path, expected in {
        "libs/knots/knots.py": {"anchor"},
        "projects/anchor/x.py": {"anchor"},
        "projects/buoy/x.py": {"buoy"},
        "notes/today.md": set(),
    }.items():
        repository.write({path: "1"})
        assert repository.touched() == expected, path
        repository.commit({})


def test_without_a_dockerfile_all_of_the_workspace_is_in_the_image(tmp_path: Path) -> None:
    files = {path: text for path, text in _FILES.items() if not path.endswith("Dockerfile")}
    repository = Repository.made(tmp_path / "r", files)

    repository.write({"notes/today.md": "1"})

    assert repository.touched() == {"anchor"}


def test_another_context_is_another_image(tmp_path: Path) -> None:
    repository = Repository.made(tmp_path / "r", {**_FILES, "pyproject.toml": "[tool.uv]\n"})

    repository.write({"pyproject.toml": _ROOT})

    assert "anchor" in repository.touched()
