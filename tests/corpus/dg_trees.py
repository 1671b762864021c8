"""Made-up repositories with dg's files, as people might write them."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path

from hypothesis import strategies as st

_FOLDERS = ["alpha", "deep/beta", "gamma"]
_UV = '[tool.uv.workspace]\nmembers = ["**"]\n'


def written(folder: Path, files: Mapping[str, str]) -> Path:
    """The files in a folder that git keeps."""
    (folder / ".git").mkdir(parents=True)
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return folder


def projects_in(files: Mapping[str, str]) -> list[str]:
    """The folders of the projects; ``.`` is the root."""
    made = (path for path, text in files.items() if 'directory_type = "project"' in text)
    return sorted({posixpath.dirname(path) or "." for path in made})


@st.composite
def dg_trees(draw: st.DrawFn) -> dict[str, str]:
    """The files of a repository with projects of dg, in a workspace or not, of uv's or not."""
    folders = draw(st.lists(st.sampled_from(_FOLDERS), min_size=1, max_size=3, unique=True))
    if draw(st.integers(0, 4)) == 0:
        folders = ["."]
    files: dict[str, str] = {}
    for folder in folders:
        files |= draw(_project(folder))
    root = ""
    if folders != ["."] and draw(st.booleans()):
        listed = draw(st.permutations(folders))[: draw(st.integers(1, len(folders)))]
        root = _workspace(listed)
        files |= draw(_beside(".", "Dockerfile" in files))
    if draw(st.booleans()):
        # A table without a member, too: dg looks for the table alone.
        root += draw(st.sampled_from([_UV, "[tool.uv.workspace]\nmembers = []\n", "[tool.uv]\n"]))
    if root:
        files["pyproject.toml"] = files.get("pyproject.toml", "") + root
    if draw(st.integers(0, 3)) == 0:
        files["deep/pyproject.toml"] = _UV
    return files


def _workspace(listed: Sequence[str]) -> str:
    entries = "".join(f'[[tool.dg.workspace.projects]]\npath = "{each}"\n' for each in listed)
    return f'[tool.dg]\ndirectory_type = "workspace"\n{entries}'


@st.composite
def _project(draw: st.DrawFn, folder: str) -> dict[str, str]:
    """A project with its settings in one of the two files."""
    name = posixpath.basename(folder) if folder != "." else "root"
    more = {
        "code_location_name": f"the-{name}",
        "code_location_target_module": f"{name}.all",
        "agent_queue": "harbour",
    }
    chosen = draw(st.sets(st.sampled_from(sorted(more))))
    keys = {"root_module": name} | {key: more[key] for key in sorted(chosen)}
    table = "".join(f'{key} = "{value}"\n' for key, value in keys.items())
    package = f'[project]\nname = "{name}"\nversion = "1"\n'
    if draw(st.booleans()):
        files = {
            "dg.toml": f'directory_type = "project"\n[project]\n{table}',
            "pyproject.toml": package,
        }
    else:
        kind = '[tool.dg]\ndirectory_type = "project"\n'
        files = {"pyproject.toml": f"{package}{kind}[tool.dg.project]\n{table}"}
    made = {posixpath.normpath(f"{folder}/{path}"): text for path, text in files.items()}
    return made | draw(_beside(folder, has_dockerfile=draw(st.booleans())))


@st.composite
def _beside(draw: st.DrawFn, folder: str, has_dockerfile: bool) -> dict[str, str]:  # noqa: FBT001
    """What may stand beside the settings of a project or workspace."""
    files = {"Dockerfile": "FROM scratch\n"} if has_dockerfile else {}
    registry = draw(st.sampled_from(["", "registry: registry.example.com/x\n"]))
    directory = draw(st.sampled_from(["", "", "directory: .\n", "directory: ./made\n"]))
    if folder not in {".", ""}:
        directory = draw(st.sampled_from([directory, "directory: ..\n"]))
    if registry or directory:
        files["build.yaml"] = registry + directory
    if draw(st.integers(0, 3)) == 0:
        files["container_context.yaml"] = f"k8s:\n  env_vars: [FOLDER={folder}]\n"
    files["made/here.txt"] = ""
    return {posixpath.normpath(f"{folder}/{path}"): text for path, text in files.items()}
