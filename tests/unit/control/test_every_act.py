"""Every act is tried with actors of all kinds; a new act is found by itself."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import dagstead.control
from dagstead.control.actor import SYSTEM, Actor
from dagstead.errors import DagsteadError, ForbiddenError
from dagstead.plane.roles import Role
from dagstead.plane.tokens import TokenKind
from dagstead.store.all import open_store
from dagstead.testing.clock import ManualClock
from tests.support.environments import REPOSITORY
from tests.support.orchestration import control_without_dagster
from tests.support.trees import trees_naming
from tests.unit.control.acts import (
    IN_ROLES,
    INSIDERS,
    MORE_ELSEWHERE,
    OUTSIDERS,
    WITHOUT_ACTOR,
    WORKER,
    World,
    acts,
    everybody_outside,
    groups,
    signature,
    world,
)
from tests.unit.control.rights import LEAST, WHO

PACKAGE = REPOSITORY / "src" / "dagstead"

#: Any user may: they are of no deployment, and show only what the asker names.
FOR_ALL_USERS = {"organization.settings", "files.pex_address", "files.stored_pex_files"}


#: They are of no full deployment.
OF_BRANCHES = {"deployments.open_branch"}

#: Whoever deploys to a branch may say what the branch is.
OF_NO_LOCATION = {"deployments.open_branch"}


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One control plane for acts that are all refused."""
    made = world(tmp_path_factory.mktemp("world"))
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    world(folder).store.close()
    return folder


@pytest.fixture
def fresh(template: Path, tmp_path: Path) -> Iterator[World]:
    """A control plane of its own for each test."""
    folder = shutil.copytree(template, tmp_path / "world")
    store = open_store(
        database_url=f"sqlite:///{folder / 'plane.db'}",
        blobs_folder=folder / "blobs",
        clock=ManualClock(),
    )
    yield World(store=store, control=control_without_dagster(store))
    store.close()


def test_every_group_of_acts_is_reached() -> None:
    modules = [
        importlib.import_module(f"dagstead.control.{each.name}")
        for each in pkgutil.iter_modules(dagstead.control.__path__)
    ]
    found = {
        value
        for module in modules
        for value in vars(module).values()
        if "_backend" in getattr(value, "__dataclass_fields__", {})
    }
    assert found == set(groups().values())


@pytest.mark.parametrize("act", acts())
def test_an_act_takes_an_actor_first(act: str) -> None:
    first = list(signature(act).parameters.values())[1]
    assert (first.name, first.annotation) == ("actor", Actor)


@pytest.mark.parametrize("act", acts())
def test_outsiders_change_nothing_and_see_nothing(act: str, untouched: World) -> None:
    before = untouched.stored()
    attempt = untouched.attempt(act)
    for name, actor in everybody_outside(untouched):
        if act in FOR_ALL_USERS and name in OUTSIDERS and OUTSIDERS[name][0] is TokenKind.USER:
            continue
        try:
            seen = attempt(actor)
        except ForbiddenError:
            continue
        assert "prod" not in repr(seen), name
        assert "weather" not in repr(seen), name
        assert untouched.stored() == before, name


def test_the_table_of_rights_has_every_act() -> None:
    assert set(acts()) - set(WHO) == set(), "add a row to WHO in rights.py"
    assert set(WHO) - set(acts()) == set(), "these acts are gone"


@pytest.mark.parametrize("act", acts())
def test_insiders_may_what_the_table_says(act: str, fresh: World) -> None:
    attempt = fresh.attempt(act)
    insiders = {**fresh.actors(INSIDERS), "worker": fresh.worker(WORKER)}
    may = [name for name, actor in insiders.items() if not _is_refused(attempt, actor)]
    assert " ".join(may) == WHO.get(act)
    assert not _is_refused(attempt, SYSTEM)


#: Acts that people may do. The insider "admin" may do all of them.
OF_PEOPLE = [each for each in acts() if "admin" in WHO.get(each, "")]


@pytest.mark.parametrize("act", OF_PEOPLE)
def test_roles_may_what_the_table_says(act: str, fresh: World) -> None:
    is_of_organization = "prod" not in WHO[act].split()
    least = LEAST.get(act, Role.ADMIN if is_of_organization else Role.VIEWER)
    attempt = fresh.attempt(act)
    before = fresh.stored()
    may = []
    for name, actor in fresh.actors(IN_ROLES).items():
        if not _is_refused(attempt, actor):
            may.append(name)
        if not Role(name).includes(Role.EDITOR):
            assert fresh.stored() == before, name
    assert may == [role for role in Role if role.includes(least)]


@pytest.mark.parametrize("act", OF_PEOPLE)
def test_a_viewer_is_no_more_by_a_role_elsewhere(act: str, fresh: World) -> None:
    attempt = fresh.attempt(act)
    before = fresh.stored()
    for name, actor in fresh.actors(MORE_ELSEWHERE).items():
        if act in OF_BRANCHES and name == "admin of branches":
            continue
        _is_refused(attempt, actor)
        assert fresh.stored() == before, name


@pytest.mark.parametrize("act", ["locations.reload", "locations.remove", "releases.begin"])
def test_a_role_at_a_location_is_enough_there(act: str, fresh: World) -> None:
    actor = fresh.actors(MORE_ELSEWHERE)["admin of digits"]
    before = fresh.stored()
    fresh.attempt(act, "digits")(actor)
    assert fresh.stored() != before


@pytest.mark.parametrize(
    "act",
    [each for each in acts() if "weather" in WHO.get(each, "") and each not in OF_NO_LOCATION],
)
def test_a_token_for_a_location_changes_no_other(act: str, fresh: World) -> None:
    before = fresh.stored()
    _is_refused(fresh.attempt(act, "digits"), fresh.actors(INSIDERS)["weather"])
    assert fresh.stored() == before


def test_the_walk_finds_what_there_is() -> None:
    assert len(acts()) > 50
    assert set(groups()) > WITHOUT_ACTOR


def test_exactly_one_module_wakes_the_queues() -> None:
    calling = [
        str(path.relative_to(PACKAGE))
        for path, tree in trees_naming("wake_queues")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "wake_queues"
    ]
    assert calling == ["control/changes.py"]


def test_only_the_port_and_changes_name_the_request_that_wakes_agents() -> None:
    naming = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if "CHECK_FOR_WORKSPACE_UPDATES" in path.read_text(encoding="utf-8")
    }
    assert naming == {"control/changes.py", "plane/requests.py", "watch/reminders.py"}


@pytest.mark.parametrize("room", ["agent_api", "operator_api", "watch"])
def test_a_surface_has_no_way_to_the_store(room: str) -> None:
    """Not through an attribute either: import-linter sees imports only."""
    hidden = {"store", "backend", "_backend", "_blobs", "_writes"}
    files = list((PACKAGE / room).rglob("*.py"))
    found = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in hidden
    ]
    assert files
    assert found == []


def _is_refused(attempt: Callable[[Actor], object], actor: Actor) -> bool:
    try:
        attempt(actor)
    except ForbiddenError:
        return True
    except DagsteadError:
        # It was let in, and found something else in the way.
        return False
    return False
