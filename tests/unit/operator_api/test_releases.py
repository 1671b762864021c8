"""Releases, as our own command line asks for them."""

from __future__ import annotations

from typing import Any

from dagster_shared.error import SerializableErrorInfo
from dagster_shared.serdes import serialize_value

from dagstead.plane.tokens import Grant, TokenKind
from tests.support.heartbeats import heartbeat_of
from tests.unit.operator_api.surface import Operator

_FIELDS = """
  number state atomic cause undoes backTo commitHash by removes reason
  parts { locationName queue state phase agents error { message } }
"""
_RELEASE = f"""
  ... on Release {{ {_FIELDS} }}
  ... on InvalidLocationError {{ errors }}
  ... on PythonError {{ message }}
  ... on UnauthorizedError {{ message }}
"""
CREATE = (
    "mutation ($document: GenericScalar!, $removeOthers: Boolean) "
    '{ f: createRelease(document: $document, removeOthers: $removeOthers, commitHash: "c0ffee")'
    f"{{ __typename {_RELEASE} }} }}"
)
END = f'mutation ($n: Int!) {{ f: endRelease(number: $n, reason: "By hand.") {{ {_RELEASE} }} }}'
BACK = (
    "mutation ($n: Int, $whole: Boolean, $confirmed: [String!]) "
    "{ f: rollBack(number: $n, wholeDeployment: $whole, confirmed: $confirmed) "
    f"{{ __typename {_RELEASE} }} }}"
)
PLAN = """
query ($n: Int, $whole: Boolean) {
  f: rollbackPlan(number: $n, wholeDeployment: $whole) {
    undoes backTo removes stays ends needsConfirmation returns { locationName release }
  }
}
"""
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


def test_a_rollback_undoes_one_release_and_leaves_the_others(operator: Operator) -> None:
    create(operator, "weather", "digits")
    load(operator, "weather", "digits")
    create(operator, "digits")
    load(operator, "digits")
    create(operator, "weather")
    load(operator, "weather")

    back = operator.run(BACK, n=2)["f"]

    assert (back["cause"], back["undoes"], back["backTo"]) == ("rollback", 2, None)
    assert [each["locationName"] for each in back["parts"]] == ["digits"]
    load(operator, "digits")
    assert live(operator) == {"weather": 3, "digits": 4}
    again = operator.run(BACK, n=2)["f"]
    assert "Nothing that release 2 brought is live any more ('digits')" in again["message"]


def test_a_rollback_removes_only_what_is_confirmed(operator: Operator) -> None:
    create(operator, "weather")
    load(operator, "weather")
    create(operator, "weather", "extra")
    load(operator, "weather", "extra")

    assert operator.run(PLAN)["f"] == {
        "undoes": 2,
        "backTo": None,
        "removes": ["extra"],
        "stays": [],
        "ends": [],
        "needsConfirmation": True,
        "returns": [{"locationName": "weather", "release": 1}],
    }
    for confirmed in (None, [], ["weather"]):
        refused = operator.run(BACK, confirmed=confirmed)["f"]
        assert "would return 'weather' and would remove 'extra'" in refused["message"]
    back = operator.run(BACK, confirmed=["weather", "extra"])["f"]

    assert (back["undoes"], back["removes"]) == (2, ["extra"])
    load(operator, "weather")
    assert live(operator) == {"weather": 3}


def test_the_whole_deployment_goes_back_only_when_all_of_it_is_confirmed(
    operator: Operator,
) -> None:
    create(operator, "weather", "digits")
    load(operator, "weather", "digits")
    create(operator, "digits")
    load(operator, "digits")
    create(operator, "weather")

    plan = operator.run(PLAN, n=1, whole=True)["f"]
    assert (plan["backTo"], plan["ends"], plan["needsConfirmation"]) == (1, [3], True)
    refused = operator.run(BACK, n=1, whole=True)["f"]
    assert "would return 'digits', and that was not confirmed" in refused["message"]
    back = operator.run(BACK, n=1, whole=True, confirmed=["digits"])["f"]

    assert (back["cause"], back["undoes"], back["backTo"]) == ("rollback", None, 1)
    ended = operator.run(SHOW, n=3)["f"]
    assert ended["state"] == "superseded"
    assert ended["reason"] == "Release 4, a rollback, began before it had loaded."
    assert [each["state"] for each in ended["parts"]] == ["back"]
    load(operator, "digits")
    nothing = operator.run(BACK, n=1, whole=True, confirmed=[])["f"]
    assert "there is nothing to roll back" in nothing["message"]


def test_during_a_deploy_a_rollback_ends_it(operator: Operator) -> None:
    create(operator, "weather", "digits")
    load(operator, "weather", "digits")
    create(operator, "digits")
    load(operator, "digits")
    create(operator, "weather")

    assert operator.run(PLAN)["f"]["ends"] == [3]
    ended = operator.run(BACK)["f"]

    assert operator.context.token is not None
    reason = f"It was ended by a rollback, by {operator.context.token.name}."
    assert (ended["number"], ended["state"], ended["reason"]) == (3, "failed", reason)
    load(operator, "weather")
    assert live(operator) == {"weather": 1, "digits": 2}


def test_there_may_be_nothing_to_go_back_to(operator: Operator) -> None:
    assert "no release to go back to" in operator.run(BACK)["f"]["message"]
    create(operator, "weather")
    load(operator, "weather")
    assert "no release to go back to" in operator.run(BACK)["f"]["message"]
    assert "no release to go back to" in operator.run(BACK, whole=True)["f"]["message"]
    assert "no release 9" in operator.run(BACK, n=9)["f"]["message"]


def test_the_whole_deployment_gets_back_what_was_removed_by_hand(operator: Operator) -> None:
    create(operator, "weather", "digits")
    load(operator, "weather", "digits")
    operator.context.store.releases.remove("prod", "digits")

    back = operator.run(BACK, n=1, whole=True, confirmed=["digits"])["f"]

    assert ([each["locationName"] for each in back["parts"]], back["removes"]) == (["digits"], [])


def test_an_open_release_is_nothing_to_go_back_to(operator: Operator) -> None:
    create(operator, "weather")

    refused = operator.run(BACK, n=1, whole=True)["f"]

    assert "is loading: what is live after it is not known" in refused["message"]


def test_a_team_that_may_deploy_one_location_undoes_its_own_newest_release(
    operator: Operator,
) -> None:
    for name in ("weather", "digits", "weather", "digits"):
        create(operator, name)
        load(operator, name)
    team = operator.by(
        operator.context.store.tokens.create(
            "team", TokenKind.USER, "of the team", Grant(locations=["weather"])
        )
    )

    assert team.run(PLAN)["f"]["undoes"] == 3
    refused = team.run(BACK, n=4)["f"]["message"]
    assert "may only deploy weather, and undoing release 4 is not part of that" in refused
    assert team.run(BACK)["f"]["undoes"] == 3


def test_others_can_be_removed(operator: Operator) -> None:
    create(operator, "weather", "digits")
    load(operator, "weather", "digits")
    create(operator, "weather", removeOthers=True)
    load(operator, "weather")
    assert live(operator) == {"weather": 2}


def test_an_empty_document_is_refused(operator: Operator) -> None:
    assert "no location" in create(operator)["errors"][0]
