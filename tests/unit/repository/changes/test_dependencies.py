"""What is required by path, from file to file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.repository.changes.git_repositories import HOME, Repository, cloud, lines


@pytest.mark.parametrize(
    ("files", "chain"),
    [
        (
            {"etl/pyproject.toml": '[tool.uv.sources]\nlib = { path = "../lib" }\n'},
            "etl/pyproject.toml:2 [tool.uv.sources] lib",
        ),
        (
            {"etl/pyproject.toml": '[tool.uv.sources]\nlib = [{ path = "../lib", extra = "x" }]\n'},
            "etl/pyproject.toml:2 [tool.uv.sources] lib",
        ),
        (
            {"etl/pyproject.toml": '[project]\ndependencies = [\n  "lib @ file:../lib"\n]\n'},
            "etl/pyproject.toml:3 [project] dependencies",
        ),
        (
            {
                "etl/pyproject.toml": "[tool.poetry.group.main.dependencies]\n"
                'lib = {path = "../lib", develop = true}\n'
            },
            "etl/pyproject.toml:2 [tool.poetry.group.main.dependencies] lib",
        ),
        (
            {
                "etl/pyproject.toml": "[tool.pdm.dev-dependencies]\n"
                'dev = ["-e file:///${PROJECT_ROOT}/../lib#egg=lib"]\n'
            },
            "etl/pyproject.toml:2 [tool.pdm.dev-dependencies] dev",
        ),
        (
            {"etl/pyproject.toml": '[project]\ndependencies = ["lib @ {root:parent:uri}/lib"]\n'},
            "etl/pyproject.toml:2 [project] dependencies",
        ),
        (
            {
                "etl/pyproject.toml": "[tool.hatch.build.targets.wheel.force-include]\n"
                '"../lib/data" = "etl/data"\n'
            },
            "etl/pyproject.toml:2 [tool.hatch.build.targets.wheel] force-include",
        ),
        (
            {"etl/requirements.txt": "dagster\n-e ../lib[x]\n"},
            "etl/requirements.txt:2 -e ../lib[x]",
        ),
        (
            {"etl/requirements/prod.txt": "-e ../../lib\n"},
            "etl/requirements/prod.txt:1 -e ../../lib",
        ),
        ({"etl/requirements.txt": "../lib\n"}, "etl/requirements.txt:1 ../lib"),
        (
            {"etl/requirements.txt": "lib @ file:../lib ; python_version > '3'\n"},
            "etl/requirements.txt:1 lib @ file:../lib ; python_version > '3'",
        ),
        (
            {
                "etl/requirements.txt": "-r ../all.txt\n",
                "all.txt": "-c more.txt",
                "more.txt": "./lib",
            },
            "more.txt:1 ./lib <- all.txt:1 -c more.txt <- etl/requirements.txt:1 -r ../all.txt",
        ),
        (
            {"etl/setup.py": "import x\nsetup(\n install_requires=['lib @ file:../lib'])\n"},
            "etl/setup.py:3 lib @ file:../lib",
        ),
        (
            {
                "etl/setup.py": "from pathlib import Path\nhere = Path(__file__).parent\n"
                "setup(install_requires=[f'lib @ file://{here}/../lib'])\n"
            },
            "etl/setup.py:3 f'lib @ file://{}/../lib'",
        ),
        (
            {"etl/setup.cfg": "[options]\ninstall_requires =\n  lib @ file:../lib\n"},
            "etl/setup.cfg:3 lib @ file:../lib",
        ),
        ({"etl/Pipfile": '[packages]\nlib = {path = "../lib"}\n'}, "etl/Pipfile:2 [packages] lib"),
        (
            {"etl/environment.yml": "dependencies:\n  - pip:\n    - -e ../lib\n"},
            "etl/environment.yml:3 - -e ../lib",
        ),
        (
            {"etl/src/defs/dbt/defs.yaml": "attributes:\n  project: '{{ project_root }}/../lib'\n"},
            "etl/src/defs/dbt/defs.yaml:2 project: '{{ project_root }}/../lib'",
        ),
        (
            {"etl/src/defs/component.yaml": "path: ../../../lib/data"},
            "etl/src/defs/component.yaml:1 path: ../../../lib/data",
        ),
        (
            {"etl/pyproject.toml": '[tool.dagstead]\nwatch = ["../lib/**"]\n'},
            "etl/pyproject.toml:2 [tool.dagstead] watch ../lib/**",
        ),
    ],
)
def test_a_path_that_is_required_touches(files: dict[str, str], chain: str, tmp_path: Path) -> None:
    repository = Repository.made(tmp_path, {**HOME, **files, "lib/data/x.py": ""})
    repository.commit({"lib/data/x.py": "1"})

    found = [each for each in lines(repository, "HEAD~1") if "build.directory" not in each]

    assert found == [f"etl: lib/data/x.py <- {chain}"]
    assert repository.touched("HEAD~1", committed=True) == {"etl"}


def test_dependencies_are_followed_through_circles(tmp_path: Path) -> None:
    repository = Repository.made(
        tmp_path,
        {
            **HOME,
            "etl/requirements.txt": "-e ../one\n",
            "one/pyproject.toml": '[tool.uv.sources]\ntwo = { path = "../two" }\n',
            "two/pyproject.toml": '[tool.uv.sources]\none = { path = "../one" }\n',
        },
    )
    repository.write({"two/new.py": ""})

    (line,) = lines(repository)
    assert line == (
        "etl: two/new.py (untracked) <- one/pyproject.toml:2 [tool.uv.sources] two"
        " <- etl/requirements.txt:1 -e ../one"
    )


@pytest.mark.parametrize(
    "text",
    [
        "-e git+https://example.com/lib.git#egg=lib\nlib @ https://example.com/../lib/x.whl\n",
        "-e ../../outside\n/opt/lib/x.whl\nfile:///lib\n",
        "# -e ../lib\ndagster==1.0 # -e ../lib\n",
    ],
)
def test_what_lies_elsewhere_is_no_part(text: str, tmp_path: Path) -> None:
    repository = Repository.made(tmp_path, {**HOME, "etl/requirements.txt": text})
    repository.write({"lib/x.py": ""})

    assert repository.touched() == set()


@pytest.mark.parametrize(
    "files",
    [
        {"etl/setup.py": "setup(install_requires=[f'lib @ file://{find()}'])\n"},
        {"etl/setup.py": "print 'python 2', 'lib @ file:../lib'\n"},
        {"etl/requirements.txt": "-e ${HOME}/lib\n"},
        {"etl/pyproject.toml": '[tool.uv.sources]\nlib = { path = "../lib"\n'},
        {"etl/Pipfile": 'lib = { path = "../lib"\n'},
        {"etl/pyproject.toml": "[tool.uv.sources]\nlib = { workspace = true }\n"},
    ],
)
def test_what_cannot_be_known_counts_as_everything(files: dict[str, str], tmp_path: Path) -> None:
    repository = Repository.made(tmp_path, {**HOME, **files})
    repository.write({"somewhere/x.py": ""})

    assert repository.touched() == {"etl"}


UV_LOCK = """\
    version = 1
    [[package]]
    name = "etl"
    version = "1"
    source = { editable = "etl" }
    dependencies = [{ name = "numpy" }]
    [[package]]
    name = "other"
    source = { virtual = "other" }
    dependencies = [{ name = "polars" }]
    [[package]]
    name = "numpy"
    version = "2.0"
    [[package]]
    name = "polars"
    version = "1.0"
    """


def test_a_uv_lock_counts_by_the_packages_that_a_location_reaches(tmp_path: Path) -> None:
    repository = Repository.made(tmp_path, {**HOME, "uv.lock": UV_LOCK})

    repository.write({"uv.lock": "# later\n" + UV_LOCK.replace('"1.0"', '"1.1"')})
    assert lines(repository) == [
        "other: uv.lock (polars 1.0 -> 1.1) <- uv.lock (packages that other needs)"
    ]
    repository.write({"uv.lock": "broken ["})
    assert repository.touched() == {"etl", "other"}
    repository.write({"uv.lock": None})
    assert repository.touched() == {"etl", "other"}


@pytest.mark.parametrize("name", ["uv.lock", "poetry.lock", "pdm.lock", "requirements.lock"])
def test_another_lock_above_counts_as_a_whole(name: str, tmp_path: Path) -> None:
    repository = Repository.made(tmp_path, {**HOME, name: "version = 1\n"})
    repository.write({name: "version = 2\n"})

    assert repository.touched() == {"etl", "other"}


def test_members_of_a_workspace(tmp_path: Path) -> None:
    repository = Repository.made(
        tmp_path,
        {
            "dagster_cloud.yaml": cloud(etl="locations/etl", other="locations/other"),
            "pyproject.toml": """\
                [tool.uv.workspace]
                members = ["lib*", "locations/*"]
                exclude = ["locations/old*"]
                [tool.uv.sources]
                Lib_Two = { workspace = true }
                plain = { path = "vendor/plain" }
                """,
            "lib1/pyproject.toml": '[project]\nname = "lib-one"\ndependencies = ["lib.two"]\n',
            "lib2/pyproject.toml": '[project]\nname = "lib_two"\n',
            "locations/etl/pyproject.toml": """\
                [project]
                name = "etl"
                dependencies = ["lib-one>=1", "plain"]
                [tool.uv.sources]
                lib-one = { workspace = true }
                """,
            "locations/other/pyproject.toml": '[project]\nname = "other"\n',
        },
    )

    repository.write({"lib2/new.py": ""})
    (line,) = lines(repository)
    assert line == (
        "etl: lib2/new.py (untracked) <- pyproject.toml:5 [tool.uv.sources] Lib_Two"
        " <- locations/etl/pyproject.toml:5 [tool.uv.sources] lib-one"
    )
    repository.write({"lib2/new.py": None, "vendor/plain/x.py": ""})
    assert repository.touched() == {"etl"}
    repository.commit({"pyproject.toml": "[tool.uv.workspace]\nmembers = []\n"})
    assert repository.touched("HEAD~1") == {"etl", "other"}


def test_a_folder_without_a_package_is_installed_by_the_nearest_above(tmp_path: Path) -> None:
    files = {**HOME, "other/requirements.txt": "", "setup.py": "setup(x='lib @ file:./lib')"}
    repository = Repository.made(tmp_path, files)

    repository.write({"lib/x.py": ""})
    assert repository.touched() == {"etl"}
    repository.write({"lib/x.py": None, "setup.py": "setup()"})
    assert repository.touched() == {"etl"}
