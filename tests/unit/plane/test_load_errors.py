from __future__ import annotations

import json

from dagstead.plane.load_errors import read_load_error

_OWN = '  File "/app/etl/defs.py", line 3, in <module>\n    import x\n'
_PACKAGE = '  File "/usr/lib/python3.12/site-packages/dagster/x.py", line 1, in f\n    g()\n'


def _error(message: str, *stack: str, cause: object = None, kind: str = "ValueError") -> object:
    return {"message": message, "stack": list(stack), "cls_name": kind, "cause": cause}


def test_the_innermost_error_comes_first() -> None:
    text = json.dumps(_error("outer", _PACKAGE, cause=_error("inner", _PACKAGE, _OWN)))
    first, second = read_load_error(text)
    assert (first.message, second.message) == ("inner", "outer")
    assert [frame.text for frame in first.own_frames] == [_OWN.rstrip("\n")]
    assert second.own_frames == ()


def test_the_kind_is_not_said_twice() -> None:
    found = read_load_error(json.dumps(_error("ValueError: no: such thing\n")))[0]
    assert found.said == "no: such thing"
    assert read_load_error(json.dumps(_error("a.b.ValueError: x")))[0].said == "x"
    assert read_load_error(json.dumps(_error("KeyError: x")))[0].said == "KeyError: x"


def test_what_is_no_error_is_shown_as_it_is() -> None:
    assert read_load_error(None) == ()
    for text in ("gone", "[]", "{}", '"x"', "null"):
        assert read_load_error(text)[0].message == text


def test_a_chain_without_end_is_cut() -> None:
    cause: object = None
    for number in range(50):
        cause = _error(str(number), cause=cause)
    assert len(read_load_error(json.dumps(cause))) == 10
