"""Documents as people might write them, and the official command line's verdict on them."""

from __future__ import annotations

from typing import Any

import yaml
from dagster_cloud_cli.config.models import load_dagster_cloud_yaml
from hypothesis import strategies as st
from pydantic import ValidationError

from dagstead.project.rules.keys import BUILD_KEYS, DEFAULTS_KEYS, LOCATION_KEYS

_TEXTS = st.sampled_from(["etl", "", "default", "é", "a: b", "#", "2024", "./src", "host/x:1", "~"])
_SCALARS = st.one_of(_TEXTS, st.none(), st.booleans(), st.integers(0, 9), st.floats(0, 1))
_ANY = st.recursive(
    _SCALARS,
    lambda below: st.one_of(
        st.lists(below, max_size=2),
        st.dictionaries(st.one_of(_TEXTS, st.integers(0, 3)), below, max_size=2),
    ),
    max_leaves=4,
)
_OTHER_KEYS = ["name", "queue", "k8s", "location-name", "python_file", 7]


def _mostly(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(usual, usual, usual, usual, _ANY)


def _mapping(fields: dict[Any, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[Any, Any]]:
    unusual = st.dictionaries(st.sampled_from(_OTHER_KEYS), _ANY, max_size=1)
    extra = st.one_of(*[st.just({})] * 6, unusual)
    return st.builds(
        lambda usual, more: {**usual, **more}, st.fixed_dictionaries({}, optional=fields), extra
    )


_SOURCES = st.one_of(
    st.fixed_dictionaries({"package_name": _mostly(_TEXTS)}),
    st.fixed_dictionaries({"module_name": _mostly(_TEXTS)}),
    _mapping({"python_file": _TEXTS, "module_name": _mostly(_TEXTS)}),
)
_BUILD = _mapping(dict.fromkeys(BUILD_KEYS, _mostly(st.one_of(_TEXTS, st.none()))))
_CONTEXT = st.dictionaries(st.sampled_from(["k8s", "docker", "ecs"]), _ANY, max_size=2)
_FIELDS: dict[Any, st.SearchStrategy[Any]] = {
    **dict.fromkeys(LOCATION_KEYS, _mostly(st.one_of(_TEXTS, st.none()))),
    "build": _mostly(_BUILD),
    "code_source": _mostly(_SOURCES),
    "container_context": _mostly(_CONTEXT),
}
_LOCATIONS = st.builds(
    lambda name, usual: {"location_name": name, **usual},
    _mostly(_TEXTS),
    _mapping({key: each for key, each in _FIELDS.items() if key != "location_name"}),
)
_DEFAULTS = _mapping({key: _FIELDS[key] for key in DEFAULTS_KEYS})

#: Whole documents: most are almost right.
DOCUMENTS = _mostly(
    st.builds(
        lambda locations, more: {"locations": locations, **more},
        _mostly(st.lists(_mostly(_LOCATIONS), max_size=3)),
        _mapping({"defaults": _mostly(_DEFAULTS)}),
    )
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Documents as text: block or flow, with either line end, comments, with or without a BOM."""
    document = draw(DOCUMENTS)
    text = yaml.safe_dump(
        document,
        default_flow_style=draw(st.sampled_from([True, False, None])),
        allow_unicode=draw(st.booleans()),
        sort_keys=False,
        width=draw(st.sampled_from([20, 80])),
    )
    if draw(st.booleans()):
        text = "# begins with a comment\n" + text.rstrip("\n")
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return ("\ufeff" if draw(st.booleans()) else "") + text


def officially_accepted(text: str) -> dict[str, Any] | None:
    """What the official command line reads, ``None`` when it refuses or crashes."""
    try:
        return load_dagster_cloud_yaml(text).model_dump()
    except (ValidationError, yaml.YAMLError, AttributeError, TypeError, ValueError):
        return None
