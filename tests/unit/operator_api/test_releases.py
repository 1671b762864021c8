"""Releases, as our own command line asks for them."""

from __future__ import annotations

from typing import Any

from dagster_shared.error import SerializableErrorInfo
from dagster_shared.serdes import serialize_value

from tests.support.heartbeats import heartbeat_of
from tests.unit.operator_api.surface import Clock, Operator

_FIELDS = """
  number state atomic cause backTo commitHash by removes reason
  parts { locationName queue state phase agents error { message } }
"""
_RELEASE = f"""
  ... on Release {{ {_FIELDS} }}
  ... on InvalidLocationError {{ errors }}
  ... on PythonError {{ message }}
"""
CREATE = (
    "mutation ($document: GenericScalar!, $removeOthers: Boolean) "
    '{ f: createRelease(document: $document, removeOthers: $removeOthers, commitHash: "c0ffee")'
    f"{{ __typename {_RELEASE} }} }}"
)
END = f'mutation ($n: Int!) {{ f: endRelease(number: $n, reason: "By hand.") {{ {_RELEASE} }} }}'
BACK = f"mutation ($n: Int) {{ f: rollBack(number: $n) {{ __typename {_RELEASE} }} }}"
SHOW = f"query ($n: Int!) {{ f: release(number: $n) {{ {_FIELDS} }} }}"


def create(operator: Operator, *names: str, queue: str | None = None, **more: Any) -> Any:
    locations = [
        {
            "location_name": name,
            "code_source": {"module_name": name},
            "agent_queue": queue,
            "git": {"commit_hash": "c0ffee"},
        }
        for name in names
    ]
    return operator.run(CREATE, document={"locations": locations}, **more)["f"]


def load(operator: Operator, *names: str) -> None:
    store = operator.context.store
    for name in names:
        deploy_id = store.locations.get("prod", name).deploy_id
        store.releases.set_loaded("prod", name, deploy_id=deploy_id, manifest="{}")


def live(operator: Operator) -> dict[str, int | None]:
    return {each.name: each.release for each in operator.context.store.locations.all("prod")}


def test_a_release_says_who_began_it_and_who_may_load_it(operator: Operator) -> None:
    store = operator.context.store
    store.agents.record([heartbeat_of("gpu", now=store.clock(), label="gpu agent")])

    begun = create(operator, "digits", queue="gpu")

    assert (begun["number"], begun["state"], begun["commitHash"]) == (1, "loading", "c0ffee")
    assert operator.context.token is not None
    assert begun["by"] == operator.context.token.name
    [part] = begun["parts"]
    assert (part["locationName"], part["phase"], part["agents"]) == (
        "digits",
        "queued",
        ["gpu agent"],
    )


def test_a_failed_release_shows_the_error_of_the_location(operator: Operator) -> None:
    create(operator, "weather", "digits")
    error = serialize_value(SerializableErrorInfo("ImportError: x", [], "ImportError"))
    operator.context.store.releases.set_failed("prod", "digits", deploy_id=None, error=error)

    shown = operator.run(SHOW, n=1)["f"]

    assert (shown["state"], shown["reason"]) == ("failed", "'digits' did not load.")
    assert [each["error"] for each in shown["parts"]] == [{"message": "ImportError: x"}, None]


def test_a_release_can_be_ended(operator: Operator) -> None:
    create(operator, "weather")
    operator.woken()
    ended = operator.run(END, n=1)["f"]
    assert (ended["state"], ended["reason"]) == ("failed", "By hand.")
    assert operator.woken() == {("prod", None)}


def test_what_is_live_is_recorded_by_location(operator: Operator) -> None:
    create(operator, "weather")
    load(operator, "weather")
    create(operator, "weather")
    query = "{ f: deployedLocations { locationName release commitHash isLoading } }"
    assert operator.run(query)["f"] == [
        {"locationName": "weather", "release": 1, "commitHash": "c0ffee", "isLoading": True}
    ]


def test_rolling_back_brings_the_release_before(operator: Operator) -> None:
    create(operator, "weather", "digits")
    load(operator, "weather", "digits")
    create(operator, "digits", "extra")
    load(operator, "digits", "extra")

    back = operator.run(BACK)["f"]

    assert (back["cause"], back["backTo"], back["removes"]) == ("rollback", 1, ["extra"])
    assert [each["locationName"] for each in back["parts"]] == ["digits"]
    load(operator, "digits")
    assert live(operator) == {"weather": 1, "digits": 3}
    nothing = operator.run(BACK, n=3)["f"]
    assert "there is nothing to roll back" in nothing["message"]


def test_there_may_be_nothing_to_go_back_to(operator: Operator) -> None:
    create(operator, "weather")
    load(operator, "weather")
    assert "no release to go back to" in operator.run(BACK)["f"]["message"]
    assert "no release 9" in operator.run(BACK, n=9)["f"]["message"]


def test_rolling_back_brings_what_was_removed_by_hand(operator: Operator) -> None:
    create(operator, "weather", "digits")
    load(operator, "weather", "digits")
    operator.context.store.releases.remove("prod", "digits")

    back = operator.run(BACK, n=1)["f"]

    assert ([each["locationName"] for each in back["parts"]], back["removes"]) == (["digits"], [])


def test_rolling_back_keeps_what_no_release_brought(operator: Operator) -> None:
    create(operator, "weather")
    operator.context.store.releases.set_failed("prod", "weather", deploy_id=None, error="{}")
    load(operator, "weather")
    for _ in range(2):
        create(operator, "digits")
        load(operator, "digits")

    back = operator.run(BACK)["f"]

    assert ([each["locationName"] for each in back["parts"]], back["removes"]) == (["digits"], [])


def test_rolling_back_undoes_the_release_that_ended_last(operator: Operator, clock: Clock) -> None:
    create(operator, "weather")
    create(operator, "digits")
    load(operator, "digits")
    clock.now += 1
    load(operator, "weather")

    back = operator.run(BACK)["f"]

    assert (back["backTo"], back["removes"]) == (2, ["weather"])


def test_an_open_release_is_nothing_to_go_back_to(operator: Operator) -> None:
    create(operator, "weather")

    assert (
        "is loading: what is live after it is not known" in operator.run(BACK, n=1)["f"]["message"]
    )


def test_others_can_be_removed(operator: Operator) -> None:
    create(operator, "weather", "digits")
    load(operator, "weather", "digits")
    create(operator, "weather", removeOthers=True)
    load(operator, "weather")
    assert live(operator) == {"weather": 2}


def test_an_empty_document_is_refused(operator: Operator) -> None:
    assert "no location" in create(operator)["errors"][0]
