from __future__ import annotations

import os
import subprocess
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from dagstead.errors import PexError
from dagstead.serverless.downloads import ControlPlanePexFiles
from dagstead.serverless.environments import EnvironmentStore, PexEnvironment
from dagstead.serverless.home import PoolHome, remove
from dagstead.serverless.interpreters import Interpreters
from dagstead.serverless.pex_set import PexSet, parse_pex_tag
from dagstead.serverless.unpacking import Quota
from tests.support.pex import PexBench, damage_what_pex_knows, pex_tag
from tests.support.pex_shop import PexShop
from tests.support.sandboxes import without_walls

DAY = 24 * 3600.0
MACHINE = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def make_store(
    home: PoolHome, shop: PexShop, clock: Clock, quota: Quota | None = None
) -> EnvironmentStore:
    stop = threading.Event()
    return EnvironmentStore(
        home=home,
        files=ControlPlanePexFiles(
            url=shop.url,
            session=requests.Session(),
            headers={},
            proxies={},
            timeout_seconds=5,
            stop=stop,
            attempts=1,
        ),
        interpreters=Interpreters(named={}, search_path=None),
        environment=MACHINE,
        clock=clock,
        stop=stop,
        parallel=1,
        sandbox=without_walls(home),
        quota=quota or Quota(),
    )


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> PoolHome:
    home = PoolHome(root=tmp_path_factory.mktemp("shared") / "pool")
    home.create()
    return home


@pytest.fixture
def store(shared_home: PoolHome, shop: PexShop) -> EnvironmentStore:
    """A store whose folder is filled by all tests of this file: unpacking takes seconds."""
    return make_store(shared_home, shop, Clock())


@pytest.fixture(scope="module")
def deps(bench: PexBench) -> str:
    return bench.dependencies({"library/__init__.py": "VERSION = 1\n"})


@pytest.fixture(scope="module")
def pex(bench: PexBench, deps: str) -> PexSet:
    source = bench.source({"project/__init__.py": "import library\n"})
    return parse_pex_tag(pex_tag(deps, source), None)


def says(environment: PexEnvironment, code: str) -> str:
    done = subprocess.run(
        [environment.python, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=environment.working_directory,
        env=MACHINE,
    )
    return done.stdout.strip()


def test_code_and_its_dependencies_are_there_and_run_in_their_own_python(
    store: EnvironmentStore, pex: PexSet, shared_home: PoolHome
) -> None:
    environment = store.ensure(pex)
    code = "import project, sys; print(project.library.VERSION, sys.executable)"
    assert says(environment, code) == f"1 {environment.python}"
    assert (environment.working_directory / "project" / "__init__.py").is_file()
    assert environment.python.is_relative_to(shared_home.environments)


def test_programs_started_by_user_code_see_the_same_packages(
    store: EnvironmentStore, pex: PexSet
) -> None:
    code = (
        "import subprocess, sys; "
        "print(subprocess.check_output([sys.executable, '-c', 'import library, dagster']))"
    )
    assert says(store.ensure(pex), code) == "b''"


def test_the_same_dependency_in_two_versions_side_by_side(
    store: EnvironmentStore, bench: PexBench, pex: PexSet
) -> None:
    newer = bench.dependencies({"library/__init__.py": "VERSION = 2\n"})
    other = parse_pex_tag(pex_tag(newer, pex.source), None)
    code = "import library; print(library.VERSION)"
    assert [says(store.ensure(each), code) for each in (pex, other)] == ["1", "2"]


def test_the_projects_own_package_wins_over_a_dependency_of_that_name(
    store: EnvironmentStore, bench: PexBench, deps: str
) -> None:
    source = bench.source({"library/__init__.py": "VERSION = 'mine'\n"})
    environment = store.ensure(parse_pex_tag(pex_tag(deps, source), None))
    assert says(environment, "import library; print(library.VERSION)") == "mine"


def test_two_at_once_share_a_download_and_two_deploys_share_dependencies(
    home: PoolHome, bench: PexBench, pex: PexSet, shop: PexShop
) -> None:
    with ThreadPoolExecutor() as threads:
        stores = [make_store(home, shop, Clock()) for _ in range(3)]
        found = [threads.submit(store.ensure, pex) for store in stores]
    assert len({each.result() for each in found}) == 1
    again = bench.source({"project/__init__.py": "changed = True\n"})
    stores[0].ensure(parse_pex_tag(pex_tag(pex.dependencies[0], again), None))
    stores[0].ensure(pex)
    assert [key for _, key in shop.asked] == [
        f"pex/{name}" for name in (pex.dependencies[0], pex.source, again)
    ]


def test_a_folder_that_was_left_half_unpacked_is_made_anew(
    store: EnvironmentStore, pex: PexSet, shared_home: PoolHome
) -> None:
    environment = store.ensure(pex)
    (shared_home.environments / pex.key / "dagstead.json").unlink()
    (shared_home.environments / pex.key / "bin" / "python").unlink()
    assert store.ensure(pex) == environment
    assert says(environment, "import project; print('whole')") == "whole"


def test_an_interpreter_that_is_gone_makes_the_environment_anew(
    store: EnvironmentStore, pex: PexSet
) -> None:
    environment = store.ensure(pex)
    environment.python.unlink()
    environment.python.symlink_to("/no/such/python")
    store.ensure(pex)
    assert says(environment, "print('whole')") == "whole"


def test_without_dagster_the_error_says_what_to_add(
    home: PoolHome, shop: PexShop, bench: PexBench
) -> None:
    source = bench.source({"project/__init__.py": ""})
    with pytest.raises(PexError, match=r"not include dagster or dagster-cloud.*Add it"):
        make_store(home, shop, Clock()).ensure(parse_pex_tag(pex_tag(source), None))
    assert list(home.environments.iterdir()) == []


def test_a_python_that_is_not_there_is_named(store: EnvironmentStore, pex: PexSet) -> None:
    with pytest.raises(PexError, match=r"Python 3\.99.*--python-version"):
        store.ensure(parse_pex_tag(pex.tag, "3.99"))


def test_what_the_tool_cannot_unpack_is_explained_with_its_own_words(
    home: PoolHome, shop: PexShop
) -> None:
    with zipfile.ZipFile(shop.shelf / "source-odd.pex", "w") as archive:
        archive.writestr("PEX-INFO", "{}")
    with pytest.raises(PexError, match=r"source-odd\.pex could not be unpacked.*The tool said"):
        make_store(home, shop, Clock()).ensure(parse_pex_tag("files=source-odd.pex", None))
    assert list(home.environments.iterdir()) == []
    assert list(home.scratch.iterdir()) == []


def test_what_comes_to_more_than_the_quota_is_not_unpacked(
    home: PoolHome, shop: PexShop, pex: PexSet
) -> None:
    store = make_store(home, shop, Clock(), Quota(files=2))
    with pytest.raises(
        PexError, match=r"deps-.*\.pex has more than 2 files\..*pool_unpacked_files"
    ):
        store.ensure(pex)
    assert list(home.layers.iterdir()) == []
    assert list(home.scratch.iterdir()) == []


def test_nothing_is_kept_but_the_unpacked_form_and_the_users_cache_is_not_touched(
    home: PoolHome, shop: PexShop, pex: PexSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MACHINE, "HOME", str(tmp_path / "user"))
    cache = tmp_path / "user" / ".pex"
    cache.mkdir(parents=True)
    (cache / "mine").write_text("kept")
    make_store(home, shop, Clock()).ensure(pex)
    assert [path.name for path in (tmp_path / "user").rglob("*")] == [".pex", "mine"]
    assert list(home.scratch.iterdir()) == []
    # Spares the next unpacking half of its time.
    assert any(path.is_file() for path in home.interpreters.rglob("*"))
    assert list(tmp_path.rglob("*.pex")) == [cache]


def test_damaged_knowledge_of_the_pythons_is_made_anew(
    home: PoolHome, shop: PexShop, pex: PexSet
) -> None:
    make_store(home, shop, Clock()).ensure(pex)
    damaged = damage_what_pex_knows(home.interpreters)
    remove(home.environments / pex.key)

    make_store(home, shop, Clock()).ensure(pex)

    assert not any(path.exists() for path in damaged)


def test_an_interpreters_path_leads_back_to_the_files(
    store: EnvironmentStore, pex: PexSet, shared_home: PoolHome, shop: PexShop
) -> None:
    environment = store.ensure(pex)
    another = make_store(shared_home, shop, Clock())
    assert another.key_of(str(environment.python)) == pex.key
    assert another.remembered(pex.key) == pex
    assert another.key_of("/usr/bin/python3") is None
    assert another.key_of("python") is None
    assert another.remembered("0" * 16) is None


def test_unused_environments_go_and_can_be_had_again_until_they_are_forgotten(
    home: PoolHome, bench: PexBench, shop: PexShop, pex: PexSet
) -> None:
    clock = Clock()
    store = make_store(home, shop, clock)
    store.ensure(pex)
    clock.now += DAY
    young = bench.source({"young/__init__.py": ""})
    kept = store.ensure(parse_pex_tag(pex_tag(pex.dependencies[0], young), None))

    assert store.sweep([pex.key], keep_seconds=DAY / 2) == []
    assert store.sweep((), keep_seconds=DAY / 2) == [pex.key]
    assert says(kept, "import library; print('its layer stays')") == "its layer stays"
    assert store.remembered(pex.key) == pex

    clock.now += 60 * DAY
    assert len(store.sweep((), keep_seconds=DAY / 2)) == 2
    assert list(home.environments.iterdir()) == list(home.layers.iterdir()) == []
    assert list(home.tags.iterdir()) == []
