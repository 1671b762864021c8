"""Deployments, tokens, heartbeats, write keys, properties and the schema itself."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from dagstead.errors import (
    ConfigurationError,
    ConflictError,
    DatabaseUnusableError,
    DeploymentNotFoundError,
    InvalidInputError,
    LastDeploymentError,
    NotFoundError,
    UnauthenticatedError,
)
from dagstead.plane.agents import Heartbeat
from dagstead.plane.deployments import Branch
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.reach import NOTHING, Reach, Scope
from dagstead.plane.tokens import Grant, Token, TokenKind, new_secret
from dagstead.plane.writes import ABANDONED_SECONDS, KEPT_SECONDS, WriteState
from dagstead.store import migrations
from dagstead.store.all import Store, open_store
from dagstead.store.database import Database, masked_database_url, newest_revision
from dagstead.store.tables import metadata
from dagstead.testing.clock import ManualClock
from tests.support.heartbeats import heartbeat_of
from tests.support.postgres import PostgresCluster

pytestmark = pytest.mark.storage


def test_a_database_of_a_newer_version_is_refused_in_a_sentence(database_url: str) -> None:
    database = Database(database_url)
    database.migrate()
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseUnusableError, match="made by a newer Dagstead"):
        database.migrate()
    database.close()


def test_a_database_that_keeps_no_utf8_is_refused_with_the_command_that_makes_one(
    postgres_cluster: PostgresCluster, postgres_url: str
) -> None:
    maker = Database(postgres_url)
    with maker.hold() as connection:
        connection.execute(
            text("CREATE DATABASE ascii ENCODING SQL_ASCII LOCALE 'C' TEMPLATE template0")
        )
        try:
            database = Database(postgres_cluster.url("ascii"))
            with pytest.raises(DatabaseUnusableError, match="as SQL_ASCII, not as UTF8"):
                database.migrate()
            database.close()
        finally:
            connection.execute(text("DROP DATABASE ascii WITH (FORCE)"))
    maker.close()


def test_the_migrations_build_the_schema_that_the_statements_use(database_url: str) -> None:
    database = Database(database_url)
    database.migrate()
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    database.close()


def test_the_newest_migration_is_known_by_its_file() -> None:
    """A database that has it is not migrated, so that nobody waits for Alembic."""
    (head,) = ScriptDirectory(str(Path(migrations.__file__).parent)).get_heads()
    assert newest_revision() == head


def test_several_processes_may_migrate_at_once(
    database_url: str, tmp_path: Path, clock: ManualClock
) -> None:
    def start(_: int) -> bytes:
        opened = open_store(database_url=database_url, blobs_folder=tmp_path, clock=clock)
        try:
            return opened.vault.signing_key()
        finally:
            opened.close()

    with ThreadPoolExecutor(4) as starts:
        keys = set(starts.map(start, range(4)))

    assert len(keys) == 1


def test_another_kind_of_database_is_refused_without_its_password() -> None:
    with pytest.raises(ConfigurationError, match="mysql://me:\\*\\*\\*@host/x.*not supported"):
        Database("mysql://me:secret@host/x")


def test_a_password_among_the_options_of_an_address_is_not_shown() -> None:
    shown = masked_database_url(
        "postgresql://me:secret@host/x?password=other&sslpassword=third&a=b"
    )

    assert shown == "postgresql://me:***@host/x?a=b"


def test_deployment_names_are_held_to_their_alphabet_and_to_one_each(store: Store) -> None:
    store.deployments.create("prod")
    with pytest.raises(ConflictError, match="'prod' already"):
        store.deployments.create("prod")
    for bad in ("../etc", "graphql", "", "Prod", "a b", "x" * 60, "a/b", "prod\n"):
        with pytest.raises(InvalidInputError):
            store.deployments.create(bad)
    with pytest.raises(DeploymentNotFoundError, match="'nope'"):
        store.deployments.get("nope")


def test_a_branch_has_one_deployment_that_closes_and_opens_with_its_pull_request(
    store: Store,
) -> None:
    def update(status: str | None, branch: str = "fix") -> tuple[str, bool]:
        facts = Branch(repo_name="shop", branch_name=branch, pull_request_status=status)
        deployment = store.deployments.create_or_update_branch(facts, base="prod")
        return deployment.name, deployment.closed

    name, closed = update(None)
    assert not closed
    assert update("OPEN") == (name, False)
    assert update("merged") == (name, True)
    assert update("OPEN") == (name, False)
    assert update("OPEN", branch="other")[0] != name


def test_tokens_are_stored_as_hashes_and_die_when_revoked(store: Store) -> None:
    secret = new_secret(TokenKind.AGENT, "dagstead")
    token = store.tokens.create(
        "eu",
        TokenKind.AGENT,
        secret,
        Grant(deployments=["prod"], queues=["eu", None], branch_deployments=False),
    )

    found = store.tokens.authenticate(secret)

    assert (found.id, found.queues, found.deployments) == (token.id, {"eu", None}, {"prod"})
    assert secret not in repr(store.tokens.all())
    store.tokens.revoke(token.id)
    with pytest.raises(UnauthenticatedError, match="'eu' was revoked"):
        store.tokens.authenticate(secret)
    with pytest.raises(UnauthenticatedError, match="unknown here"):
        store.tokens.authenticate(secret + "0")
    with pytest.raises(NotFoundError, match="no token 999"):
        store.tokens.revoke(999)


def test_heartbeats_keep_when_an_agent_was_first_seen(store: Store) -> None:
    store.deployments.create("prod")

    def beat(at: float) -> Heartbeat:
        return heartbeat_of(
            *("eu", None), now=at, branch_deployments=True, metadata={"k": 1}, errors=("e",)
        )

    store.agents.record([beat(10.0)])
    store.agents.record([beat(40.0)])

    [kept] = store.agents.of("prod")
    assert (kept.first_received_at, kept.received_at) == (10.0, 40.0)
    assert kept.queues == {"eu", None}
    assert kept.branch_deployments
    assert store.agents.all(ORGANIZATION, since=41.0) == []


def test_a_write_key_is_new_once_then_tells_what_became_of_it(
    store: Store, clock: ManualClock
) -> None:
    writes = store.writes
    assert writes.begin("prod", "k") is WriteState.NEW
    assert writes.begin("prod", "k") is WriteState.IN_FLIGHT
    assert writes.begin("staging", "k") is WriteState.NEW, "keys are a deployment's own"
    clock.advance(ABANDONED_SECONDS + 1)
    assert writes.begin("prod", "k") is WriteState.INTERRUPTED
    assert writes.begin("prod", "k") is WriteState.IN_FLIGHT
    writes.interrupt("prod", "k")
    assert writes.begin("prod", "k") is WriteState.INTERRUPTED
    writes.finish("prod", "k")
    assert writes.begin("prod", "k") is WriteState.DONE
    writes.interrupt("prod", "k")
    assert writes.begin("prod", "k") is WriteState.DONE, "what is done stays done"
    clock.advance(KEPT_SECONDS + 1)
    writes.purge(ORGANIZATION)
    assert writes.begin("prod", "k") is WriteState.NEW


def test_only_one_of_two_tries_at_once_is_new(store: Store) -> None:
    with ThreadPoolExecutor(8) as tries:
        begun = list(tries.map(lambda _: store.writes.begin("prod", "k"), range(8)))

    assert begun.count(WriteState.NEW) == 1
    assert begun.count(WriteState.IN_FLIGHT) == 7


def test_the_last_full_deployment_stays(store: Store) -> None:
    store.deployments.create("prod")
    branch = store.deployments.create_or_update_branch(
        Branch(repo_name="r", branch_name="b"), "prod"
    )

    with pytest.raises(LastDeploymentError, match="Create another one first: `dagstead deploym"):
        store.deployments.delete("prod")
    with pytest.raises(DeploymentNotFoundError):
        store.deployments.delete("nope")
    store.deployments.delete(branch.name)
    store.deployments.create("staging")
    store.deployments.delete("prod")

    assert [each.name for each in store.deployments.all()] == ["staging"]


def test_of_deployments_that_are_all_deleted_at_once_one_stays(store: Store) -> None:
    names = [f"d{number}" for number in range(4)]
    for _ in range(10):
        for each in names:
            with suppress(ConflictError):
                store.deployments.create(each)
        together = Barrier(len(names))

        def delete(name: str, together: Barrier = together) -> bool:
            together.wait()
            try:
                store.deployments.delete(name)
            except LastDeploymentError:
                return False
            return True

        with ThreadPoolExecutor(len(names)) as deleting:
            gone = list(deleting.map(delete, names))

        left = [each.name for each in store.deployments.all()]
        assert left == [name for name, is_gone in zip(names, gone, strict=True) if not is_gone]
        assert len(left) == 1


def test_what_belongs_to_a_deployment_is_written_while_another_one_is_deleted(
    store: Store,
) -> None:
    for name in ("prod", "staging", "old"):
        store.deployments.create(name)

    def write(number: int) -> None:
        store.deployments.set_settings("prod", {"number": number})

    with ThreadPoolExecutor(8) as work:
        writes = [work.submit(write, number) for number in range(20)]
        store.deployments.delete("old")
        for each in writes:
            each.result()

    assert [each.name for each in store.deployments.all()] == ["prod", "staging"]


def test_settings_are_kept_and_raise_the_deployments_version(store: Store) -> None:
    before = store.deployments.create("prod")
    after = store.deployments.set_settings("prod", {"run_queue": {"max_concurrent_runs": 2}})

    assert after.version > before.version
    assert after.settings == {"run_queue": {"max_concurrent_runs": 2}}
    store.properties.set_organization_settings({"a": 1})
    store.properties.set_organization_settings({"a": 2})
    assert store.properties.organization_settings() == {"a": 2}


def test_only_one_of_two_tries_takes_up_an_interrupted_write(
    store: Store, clock: ManualClock
) -> None:
    store.writes.begin("prod", "k")
    clock.advance(ABANDONED_SECONDS + 1)

    with ThreadPoolExecutor(8) as tries:
        begun = list(tries.map(lambda _: store.writes.begin("prod", "k"), range(8)))

    assert begun.count(WriteState.INTERRUPTED) == 1


def test_an_agent_token_keeps_single_grants_beside_that_of_everything(store: Store) -> None:
    token = store.tokens.create("eu", TokenKind.AGENT, "s", Grant(queues=["eu"]))

    def change(*, add: Sequence[tuple[Scope, str | None]] = (), drop: Scope | None = None) -> Token:
        def changed(reach: Reach) -> Reach:
            for scope, name in add:
                reach = reach.with_scope(scope, name)
            return reach if drop is None else reach.without_scope(drop)

        return store.tokens.change_reach(token.id, changed)

    both = change(add=[(Scope.DEPLOYMENT, "prod"), (Scope.ALL_BRANCH_DEPLOYMENTS, None)])
    assert (both.deployments, both.reach.deployments) == (None, {"prod"})
    single = change(drop=Scope.ORGANIZATION)
    assert (single.deployments, single.branch_deployments) == ({"prod"}, True)
    assert store.tokens.authenticate("s").deployments == {"prod"}
    everything = change(add=[(Scope.ORGANIZATION, None)])
    assert (everything.deployments, everything.reach.branch_deployments) == (None, True)
    assert everything.queues == {"eu"}


def test_a_token_without_grants_grants_nothing(store: Store) -> None:
    token = store.tokens.create("eu", TokenKind.AGENT, "s", Grant())
    bare = store.tokens.change_reach(token.id, lambda _reach: NOTHING)
    assert bare == store.tokens.authenticate("s")
    assert not bare.grants_deployment("prod", is_branch=False)
    assert not bare.grants_deployment("f", is_branch=True, repository="org/repo")
    assert bare.describe_deployments() == "none"


def test_only_agent_tokens_have_such_grants(store: Store) -> None:
    token = store.tokens.create("ada", TokenKind.USER, "s", Grant())
    with pytest.raises(NotFoundError, match=f"no agent token {token.id}"):
        store.tokens.change_reach(token.id, lambda _reach: NOTHING)
    assert store.tokens.authenticate("s").deployments is None


def test_the_number_of_a_deleted_deployment_is_not_given_again(store: Store) -> None:
    numbers = [store.deployments.create("prod").id]
    for _ in range(3):
        numbers.append(store.deployments.create("staging").id)
        store.deployments.delete("staging")
    numbers.append(store.deployments.create("staging").id)
    assert numbers == sorted(set(numbers))


def test_only_an_agent_that_is_gone_is_forgotten(store: Store, clock: ManualClock) -> None:
    for name in ("prod", "staging"):
        store.deployments.create(name)
        beat = heartbeat_of("eu", now=clock(), deployment=name, agent_id="a1", label="eu")
        store.agents.record([beat])
        clock.advance(60)
    with pytest.raises(ConflictError, match="'eu' sent a heartbeat 60 seconds ago"):
        store.agents.forget_gone(ORGANIZATION, "a1", 90)
    assert len(store.agents.all(ORGANIZATION)) == 2
    clock.advance(30)
    assert store.agents.forget_gone(ORGANIZATION, "a1", 90) == "eu"
    assert store.agents.all(ORGANIZATION) == []
    with pytest.raises(NotFoundError, match="There is no agent 'a1'"):
        store.agents.forget_gone(ORGANIZATION, "a1", 90)
