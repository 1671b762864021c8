"""Settings as a form and as YAML: one truth, and each mistake beside its field."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from tests.unit.console.conftest import Console
from tests.unit.console.test_acts import note_of

PAGE = "/-/deployments/prod/settings"
FORM = f"{PAGE}/form"


def stored(console: Console) -> dict[str, Any]:
    return dict(console.store.deployments.get("prod").settings)


def fields(console: Console) -> dict[str, str]:
    """What a browser sends of the page as it is."""
    page = html.unescape(console.get(PAGE).text)
    sent = dict(re.findall(r'<input type="hidden" name="(was:[^"]+)" value="([^"]*)">', page))
    return sent | {name.replace("was:", "set:"): value for name, value in sent.items()}


def test_the_form_has_what_the_yaml_has(fresh: Console) -> None:
    fresh.post(PAGE, settings="run_retries: {max_retries: 3}\nreleases: {atomic: false}\n")
    shown = fields(fresh)
    assert shown["set:run_retries.max_retries"] == "3"
    assert shown["set:releases.atomic"] == "false"
    assert shown["set:run_monitoring.start_timeout_seconds"] == ""
    assert "set:auto_materialize.run_tags" not in shown
    assert "set:run_queue.max_concurrent_runs" not in shown


def test_a_field_changes_its_setting_and_nothing_else(fresh: Console) -> None:
    tags = {"run_tags": {"team": "a"}}
    fresh.store.deployments.set_settings("prod", {"auto_materialize": tags})
    sent = fields(fresh) | {
        "set:run_retries.max_retries": "2",
        "set:releases.unserved_queue": "warn",
        "set:auto_materialize.use_sensors": "false",
    }
    assert "in force" in note_of(fresh.post(FORM, **sent))
    assert stored(fresh) == {
        "auto_materialize": {**tags, "use_sensors": False},
        "run_retries": {"max_retries": 2},
        "releases": {"unserved_queue": "warn"},
    }
    sent = fields(fresh) | {"set:run_retries.max_retries": "", "set:releases.unserved_queue": ""}
    fresh.post(FORM, **sent)
    assert stored(fresh) == {"auto_materialize": {**tags, "use_sensors": False}}
    assert note_of(fresh.post(FORM, **fields(fresh))) == "Nothing was changed."


def test_what_somebody_else_has_set_meanwhile_stays(fresh: Console) -> None:
    sent = fields(fresh) | {"set:run_retries.max_retries": "2"}
    fresh.store.deployments.set_settings("prod", {"releases": {"atomic": False}})
    fresh.post(FORM, **sent)
    assert stored(fresh) == {"releases": {"atomic": False}, "run_retries": {"max_retries": 2}}


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("run_retries.max_retries", "many", "Input should be a valid integer"),
        ("run_retries.max_retries", "1.5", "valid integer"),
        ("run_retries.max_retries", "-1", "greater than or equal to 0"),
        ("releases.timeout_seconds", "inf", "finite number"),
        ("retention.schedule.purge_after_days", "0", "-1 is for ever"),
    ],
)
def test_a_mistake_stands_beside_its_field(
    fresh: Console, path: str, value: str, says: str
) -> None:
    before = stored(fresh)
    answer = fresh.post(FORM, **fields(fresh) | {f"set:{path}": value})
    assert answer.status_code == 422
    page = html.unescape(answer.text)
    field = page[page.index(f'id="set-{path}"') :]
    error = field[field.index('<p class="error">') : field.index("</p>")]
    assert f"{path} is " in error
    assert says in error
    assert f'value="{value}"' in field[:400]
    assert stored(fresh) == before


def test_wrong_yaml_stays_to_be_mended(fresh: Console) -> None:
    answer = fresh.post(PAGE, settings="run_retries: {max_retries: many}")
    assert answer.status_code == 422
    assert "run_retries: {max_retries: many}" in html.unescape(answer.text)


def test_who_may_not_change_them_may_read_them(fresh: Console) -> None:
    page = fresh.get(PAGE, "the viewer").text
    assert "Set them" not in page
    assert fresh.post(FORM, "the viewer", **fields(fresh)).status_code in {303, 403}
    changed = fields(fresh) | {"set:run_retries.max_retries": "2"}
    before = stored(fresh)
    assert fresh.post(FORM, "the viewer", **changed).status_code == 403
    assert fresh.get(PAGE, "of staging").status_code == 403
    assert stored(fresh) == before
