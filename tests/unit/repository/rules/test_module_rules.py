"""DS244 and DS246: code that cannot be where its location says."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from dagstead.repository.files import read_project
from dagstead.repository.rules.checking import check

_DG = (
    '[project]\nname = "tides"\nversion = "1"\ndependencies = ["dagster", "dagster-cloud"]\n'
    '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "tides"\n'
)


def _repository(folder: Path, files: Iterable[str], *, texts: dict[str, str] | None = None) -> Path:
    for path, text in {**dict.fromkeys(files, ""), **(texts or {})}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def _location(source: str, *, more: str = "") -> dict[str, str]:
    head = "locations:\n  - location_name: tides\n"
    return {"dagster_cloud.yaml": f"{head}    code_source: {{{source}}}\n{more}"}


def _found(folder: Path) -> list[tuple[str, int, str, str]]:
    return [
        (each.code, each.position.line, each.found.message, each.found.instead)
        for each in check(read_project(folder))
        if each.code in {"DS244", "DS246"}
    ]


@pytest.mark.parametrize(
    ("source", "instead"),
    [
        ("module_name: tides.definition", "Did you mean 'tides.definitions'?"),
        ("package_name: tides.sub", "It has tides.definitions"),
        ("autoload_defs_module_name: tides.defs", "It has tides.definitions"),
        ("module_name: tides.definitions.more", "It holds no modules"),
    ],
)
@pytest.mark.parametrize("home", ["", "src/"])
def test_a_module_that_is_not_there_is_found(
    source: str, instead: str, home: str, tmp_path: Path
) -> None:
    files = ["setup.py", f"{home}tides/__init__.py", f"{home}tides/definitions.py"]
    _repository(tmp_path, files, texts=_location(source))

    ((code, line, _, advice),) = _found(tmp_path)

    assert (code, line, advice) == ("DS246", 3, instead)


def test_the_module_that_dg_takes_by_default_must_be_there(tmp_path: Path) -> None:
    files = ["src/tides/__init__.py", "src/tides/defs/__init__.py"]
    _repository(tmp_path, files, texts={"pyproject.toml": _DG})

    ((code, line, message, _),) = _found(tmp_path)

    assert (code, line) == ("DS246", 8)
    assert message.startswith("there is no module 'tides.definitions': 'tides' has no")
    assert message.endswith("which dg takes where code_location_target_module names no other")


@pytest.mark.parametrize(
    ("files", "texts"),
    [
        pytest.param(["setup.py", "ebb/__init__.py"], {}, id="installed from elsewhere"),
        pytest.param(["setup.py", "tides/definitions/defs.py"], {}, id="namespace package"),
        pytest.param(
            ["setup.py", "tides/__init__.py", "tides/definitions.abi3.so"], {}, id="compiled"
        ),
        pytest.param(
            ["setup.py", "tides/__init__.py", "tides/definitions.pyx"], {}, id="to be compiled"
        ),
        pytest.param(
            ["tides/__init__.py"],
            {"setup.py": "setup(package_dir={'tides': 'lib'})"},
            id="another folder",
        ),
        pytest.param(
            ["setup.py", "tides/other.py", "libs/t/src/tides/definitions.py"],
            {},
            id="two parts of one namespace",
        ),
        pytest.param(
            ["setup.py"],
            {"tides/__init__.py": "__path__ = extend_path(__path__, __name__)"},
            id="a package that extends itself",
        ),
        pytest.param(["setup.py", "tides/readme.md"], {}, id="a folder without code"),
    ],
)
def test_nothing_is_said_where_the_module_may_be(
    files: list[str], texts: dict[str, str], tmp_path: Path
) -> None:
    _repository(tmp_path, files, texts={**_location("module_name: tides.definitions"), **texts})

    assert _found(tmp_path) == []


def test_a_folder_for_all_packages_hides_no_mistake(tmp_path: Path) -> None:
    texts = {
        "setup.py": "setup(package_dir={'': 'src'})",
        **_location("module_name: tides.no"),
    }
    _repository(tmp_path, ["src/tides/__init__.py"], texts=texts)

    assert [each[0] for each in _found(tmp_path)] == ["DS246"]


def test_the_working_directory_counts(tmp_path: Path) -> None:
    texts = _location("module_name: tides.definitions", more="    working_directory: code\n")
    _repository(tmp_path, ["setup.py", "code/tides/__init__.py"], texts=texts)
    assert [each[0] for each in _found(tmp_path)] == ["DS246"]

    _repository(tmp_path, ["code/tides/definitions.py"])
    assert _found(tmp_path) == []


def test_a_python_file_elsewhere_is_named(tmp_path: Path) -> None:
    _repository(tmp_path, ["setup.py", "jobs/flow.py"], texts=_location("python_file: flow.py"))

    assert _found(tmp_path) == [
        ("DS244", 3, "there is no file 'flow.py' in '.'", "Did you mean 'jobs/flow.py'?")
    ]
