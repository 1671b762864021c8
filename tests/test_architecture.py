"""What must hold for the whole repository, found by walking it."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.environments import AGENT_MINORS, REPOSITORY

PACKAGE = REPOSITORY / "src" / "dagstead"
LOCKS = [
    *sorted((REPOSITORY / "requirements").glob("*.txt")),
    REPOSITORY / "examples" / "monorepo" / "digits" / "requirements.lock",
]

#: A longer file holds more than one concept.
MOST_LINES = 400

#: Written in two parts, so that this file may be searched too.
INDEX_HOSTS = ("pypi" + ".org", "python" + "hosted.org")


def committed_files() -> list[Path]:
    """Every text file that is, or is about to be, in the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True)
    paths = [REPOSITORY / line for line in listed.stdout.splitlines()]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()]


def python_files() -> list[Path]:
    return [path for path in committed_files() if path.suffix == ".py"]


def rooms() -> set[str]:
    """The packages and modules directly below ``dagstead``."""
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    modules = {path.stem for path in PACKAGE.glob("*.py") if not path.stem.startswith("__")}
    return packages | modules


def _inner_rooms() -> list[str]:
    """The packages directly below ``dagstead.repository``."""
    return [path.parent.name for path in PACKAGE.glob("repository/*/__init__.py")]


def test_no_file_is_too_long() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in python_files()}

    assert lengths
    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}


def test_contributors_find_every_room_described_and_no_other() -> None:
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text.split("## The rooms")[1].split("\n## ")[0]
    first_cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    described = [name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)]

    assert rooms()
    assert sorted(described) == sorted(rooms() | set(_inner_rooms()))


def test_the_folders_of_unit_tests_are_rooms() -> None:
    """So that the tests of a module are found by its name."""
    unit = REPOSITORY / "tests" / "unit"
    others = {
        ("examples",): "the code of the example repository, which is in no room",
        ("support",): "what the tests themselves are made of",
    }

    folders = {path.parent.relative_to(unit).parts for path in unit.rglob("test_*.py")}
    inner = {("repository", name) for name in _inner_rooms()}
    assert folders
    assert folders - {(name,) for name in rooms()} - inner == set(others)


def test_every_folder_of_tests_is_collected(pytestconfig: pytest.Config) -> None:
    """By default pytest does not look into folders that are called ``build`` or ``dist``."""
    passed_over = pytestconfig.getini("norecursedirs")
    tests = REPOSITORY / "tests"
    folders = {path.parent.relative_to(tests) for path in tests.rglob("test_*.py")}

    names = {name for folder in folders for name in folder.parts}
    assert "build" in names
    assert [name for name in names if any(fnmatch(name, each) for each in passed_over)] == []


def test_unit_tests_start_no_database_server() -> None:
    """Those that do are below ``tests/storage``."""
    servers = {"postgres_cluster", "postgres_url", "database_url"}
    found = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}: {node.name}"
        for path in (REPOSITORY / "tests" / "unit").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and (
            servers & {argument.arg for argument in node.args.args}
            or any("mark.storage" in ast.unparse(mark) for mark in node.decorator_list)
        )
    ]

    assert found == []


def test_no_room_is_more_than_an_eighth_of_the_house() -> None:
    """Of ``repository``, each of its rooms."""
    folders = [PACKAGE / "repository" / name for name in _inner_rooms()]
    folders += [PACKAGE / name for name in rooms() - {"repository"}]
    lines = {
        str(folder.relative_to(PACKAGE)): sum(
            len(path.read_text(encoding="utf-8").splitlines()) for path in folder.rglob("*.py")
        )
        for folder in folders
    }

    whole = sum(lines.values())
    assert whole
    assert {name: each / whole for name, each in lines.items() if each > 0.12 * whole} == {}


#: Rooms that are read together. A name may be used once more in the other wing, not inside of one.
WINGS = {
    "repository": ("model", "routing", "repository", "build", "check", "client"),
    "control plane": (
        *("plane", "store", "control", "engine", "watch", "serverless"),
        *("agent_api", "console", "operator_api", "server"),
    ),
}

#: A participle, or a gerund, which is no name of a thing by itself.
PARTICIPLE = re.compile(
    r"[A-Z][a-z]+(ed|ing)|Made|Found|Told|Gone|Built|Cut|Chosen|Past|Present|Begun|Held|Sent|Kept"
)
#: Words that look like one, and are nouns that everybody uses.
NOUNS = {"Ending", "Finding", "Healing", "Housekeeping", "Standing", "Setting"}

#: The rooms whose classes are all named by nouns.
NAMED_BY_NOUNS = tuple(room for wing in WINGS.values() for room in wing)


def _classes_of(rooms: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The name and the module of every public class in some rooms."""
    for room in rooms:
        for path in (PACKAGE / room).rglob("*.py"):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    yield node.name, str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("wing", WINGS)
def test_a_class_has_a_name_of_its_own(wing: str) -> None:
    modules: dict[str, list[str]] = {}
    for name, module in _classes_of(WINGS[wing]):
        modules.setdefault(name, []).append(module)

    assert len(modules) > 100
    assert {name: found for name, found in modules.items() if len(found) > 1} == {}


def test_a_class_is_named_by_a_noun() -> None:
    """``Made`` or ``Routed`` alone says nothing: `CONTRIBUTING.md` has why."""
    classes = [hit for hit in _classes_of(NAMED_BY_NOUNS) if hit[0] not in NOUNS]

    assert [hit for hit in classes if PARTICIPLE.fullmatch(hit[0])] == []


def test_every_room_of_a_wing_exists() -> None:
    named = [room for wing in WINGS.values() for room in wing]

    assert len(named) == len(set(named))
    assert rooms() - set(named) == {"cli", "errors", "testing"}
    assert set(named) - rooms() == set()


def test_every_room_is_under_the_rules_of_import() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {rule["id"]: rule for rule in project["tool"]["importlinter"]["contracts"]}

    knows_dagster = {"agent_api", "engine", "operator_api", "serverless", "testing"}
    knows_sql = {"engine", "store", "testing"}
    assert _below(contracts["dagster"]["source_modules"]) == rooms() - knows_dagster
    assert _below(contracts["sql"]["source_modules"]) == rooms() - knows_sql


def test_no_file_names_a_package_index_or_a_machine() -> None:
    machine = re.compile(r"(?<!\w)/(home|root|work)/")
    found = [
        f"{path.relative_to(REPOSITORY)}:{number}"
        for path in committed_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if machine.search(line) or any(host in line for host in INDEX_HOSTS)
    ]

    assert found == []


def test_the_types_of_all_python_files_are_checked() -> None:
    """Of scripts too, whose names have no suffix."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    checked = [REPOSITORY / name for name in project["tool"]["mypy"]["files"]]
    scripts = [
        path
        for path in committed_files()
        if not path.suffix and re.match(r"#!.*python", path.read_text(encoding="utf-8"))
    ]

    assert scripts
    assert [
        str(path.relative_to(REPOSITORY))
        for path in [*python_files(), *scripts]
        if not any(path.is_relative_to(part) for part in checked)
    ] == []


def test_no_test_can_be_skipped_or_mocked() -> None:
    forbidden = re.compile(r"importorskip|mark\.skip|pytest\.skip|skipif|unittest\.mock|xfail")
    found = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}: {ast.unparse(node)}"
        for path in python_files()
        if path.is_relative_to(REPOSITORY / "tests")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Attribute)
        and forbidden.search(ast.unparse(node))
    ]

    assert found == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_has_hashes_and_no_addresses(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")

    assert "://" not in text
    assert not re.search(r"^-", text, flags=re.MULTILINE)
    for requirement, hashes in _locked(lock):
        assert hashes, requirement
        assert len(requirement.specifier) == 1, requirement


def test_a_lock_of_npm_has_hashes_and_no_addresses() -> None:
    locks = [path for path in committed_files() if path.name == "package-lock.json"]

    assert locks
    for lock in locks:
        packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
        installed = [package for path, package in packages.items() if path]
        assert installed
        for package in installed:
            assert package["integrity"].startswith("sha512-")
            assert "resolved" not in package


def test_the_tools_run_with_the_locked_runtime() -> None:
    runtime = {str(requirement) for requirement, _ in _locked_in("runtime")}
    dev = {str(requirement) for requirement, _ in _locked_in("dev")}

    assert runtime - dev == set()


def test_the_locks_satisfy_the_package() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [Requirement(line) for line in project["project"]["dependencies"]]
    locked = {requirement.name: requirement for requirement, _ in _locked_in("runtime")}

    unmet = [str(want) for want in wanted if not _meets(locked.get(want.name), want)]
    assert wanted
    assert unmet == []


def test_the_package_names_every_package_that_it_imports() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"].values()
    lines = [*project["project"]["dependencies"], *(line for extra in extras for line in extra)]
    named = {canonicalize_name(Requirement(line).name) for line in lines}
    providers = importlib.metadata.packages_distributions()

    unnamed = {
        module
        for module in _modules_imported_by(PACKAGE)
        if module not in sys.stdlib_module_names | {"dagstead"}
        and not named & {canonicalize_name(name) for name in providers.get(module, [])}
    }
    # These two are parts of dagster and pydantic, released with them.
    assert unnamed - {"dagster_shared", "pydantic_core"} == set()


@pytest.mark.parametrize("minor", AGENT_MINORS)
def test_an_agents_lock_is_of_its_minor(minor: str) -> None:
    versions = {
        requirement.name: _version(requirement)
        for requirement, _ in _locked_in(f"agent-{minor}")
        if requirement.name in {"dagster", "dagster-cloud", "dagster-cloud-cli"}
    }

    assert len(versions) == 3
    assert len(set(versions.values())) == 1
    assert versions["dagster"].startswith(f"{minor}.")


def test_ci_runs_the_checks_and_the_test_commands_that_contributors_read_of() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    contributing = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    script = REPOSITORY / ".ci" / "run"

    steps = script.read_text(encoding="utf-8").splitlines()
    commands = [line for line in steps if line.startswith("make ")]
    assert commands == ["make check", "make test", "make test-containers"]
    assert [each for each in commands if f"$ {each} " not in contributing] == []
    assert "$ make test " in readme
    assert os.access(script, os.X_OK)


@pytest.mark.parametrize(
    ("beside", "variables", "given"),
    [
        (["shared"], {}, ""),
        ([], {"DAGSTEAD_CORPUS": "elsewhere"}, ""),
        ([], {}, "--without-corpus"),
    ],
)
def test_ci_leaves_the_corpus_out_only_where_it_is_not_and_says_so(
    tmp_path: Path, beside: list[str], variables: dict[str, str], given: str
) -> None:
    script, make = tmp_path / "clone" / ".ci" / "run", tmp_path / "programs" / "make"
    for folder in (script.parent, make.parent, *(tmp_path / name for name in beside)):
        folder.mkdir(parents=True)
    script.write_bytes((REPOSITORY / ".ci" / "run").read_bytes())
    make.write_text('#!/bin/sh\necho "make $* with:${PYTEST_ARGS:-}"\n', encoding="utf-8")
    make.chmod(0o755)

    ran = subprocess.run(
        ["bash", script],
        env={"PATH": f"{make.parent}{os.pathsep}{os.environ['PATH']}", **variables},
        check=True,
        capture_output=True,
        text=True,
    )

    said = ran.stdout.splitlines()
    steps = [line for line in said if line.startswith("make ")]
    assert [line.partition(" with:")[2].strip() for line in steps] == [given] * 3
    assert any("its tests are left out" in line for line in said) == bool(given)


def _modules_imported_by(folder: Path) -> set[str]:
    """The first part of the name of each module that a file of ``folder`` imports, anywhere."""
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    return found


def _below(modules: list[str]) -> set[str]:
    return {module.removeprefix("dagstead.") for module in modules}


def _locked_in(name: str) -> list[tuple[Requirement, list[str]]]:
    return list(_locked(REPOSITORY / "requirements" / f"{name}.txt"))


def _locked(lock: Path) -> Iterator[tuple[Requirement, list[str]]]:
    joined = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in joined.splitlines():
        if line.strip() and not line.startswith("#"):
            requirement, *hashes = re.split(r"\s+--hash=", line.strip())
            yield Requirement(requirement), hashes


def _version(requirement: Requirement) -> str:
    (specifier,) = requirement.specifier
    return specifier.version


def _meets(locked: Requirement | None, wanted: Requirement) -> bool:
    return locked is not None and wanted.specifier.contains(_version(locked), prereleases=True)
