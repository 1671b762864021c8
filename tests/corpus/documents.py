"""Documents as people might write them."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import strategies as st

from dagstead.model.cloud_keys import BUILD_KEYS, CODE_SOURCES, DEFAULTS_KEYS, TEXT_KEYS

_TEXTS = st.sampled_from(["etl", "", "default", "é", "a: b", "#", "2024", "./src", "host/x:1", "~"])
_NAMES = st.sampled_from(["etl", "é", "a: b", "2024", "./src"])
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


_EVERY = 12


def _documents(*, odd: bool) -> st.SearchStrategy[Any]:
    """Whole documents; in odd ones about one value in twelve is something else."""

    def mostly(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        if not odd:
            return usual
        return st.integers(1, _EVERY).flatmap(lambda drawn: _ANY if drawn == _EVERY else usual)

    def mapping(fields: dict[Any, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[Any, Any]]:
        usual = st.fixed_dictionaries({}, optional=fields)
        if not odd:
            return usual
        other = st.dictionaries(st.sampled_from(_OTHER_KEYS), _ANY, max_size=1)
        more = st.integers(1, _EVERY).flatmap(lambda n: other if n == _EVERY else st.just({}))
        return st.builds(lambda first, second: {**first, **second}, usual, more)

    text = st.one_of(_TEXTS, st.none())
    build = mapping(dict.fromkeys(BUILD_KEYS, mostly(text)))
    context = st.dictionaries(st.sampled_from(["k8s", "docker", "ecs"]), _ANY, max_size=2)
    one = st.sampled_from(CODE_SOURCES).flatmap(lambda by: st.fixed_dictionaries({by: _NAMES}))
    some = mapping(dict.fromkeys(CODE_SOURCES, mostly(text)))
    source = st.one_of(one, one, some) if odd else one
    fields: dict[Any, st.SearchStrategy[Any]] = {
        **dict.fromkeys(TEXT_KEYS, mostly(text)),
        "build": mostly(build),
        "code_source": mostly(source),
        "container_context": mostly(context),
    }
    location = st.builds(
        lambda name, usual: {"location_name": name, **usual}, mostly(_TEXTS), mapping(fields)
    )
    defaults = mapping({key: fields[key] for key in DEFAULTS_KEYS})
    return mostly(
        st.builds(
            lambda locations, more: {"locations": locations, **more},
            mostly(st.lists(mostly(location), max_size=3)),
            mapping({"defaults": mostly(defaults)}),
        )
    )


#: Half of them are right, but for names that occur twice.
DOCUMENTS = st.one_of(_documents(odd=False), _documents(odd=True))


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Documents as text: block or flow, with either line end, comments, with or without a BOM."""
    document = draw(DOCUMENTS)
    text: str = yaml.safe_dump(
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
