from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagstead.model.text import control_in, escaped_line, plain_data, plain_line, plain_lines

#: What terminals obey, and what is left of it.
SEQUENCES = {
    "\x1b]0;owned\x07title": "title",
    "\x1b]0;owned\x1b\\title": "title",
    "\x9d0;owned\x9ctitle": "title",
    "\x1b]52;c;Y3VybCBldmlsLnNo\x07clipboard": "clipboard",
    "\x1b[2J\x1b[Hcleared": "cleared",
    "\x9b2Jcleared": "cleared",
    "\x1b[31mred\x1b[0m": "red",
    "\x1b[8mhidden\x1b[0m": "hidden",
    "\x1bP+q544e\x1b\\device": "device",
    "\x1b_Gf=100;AAAA\x1b\\picture": "picture",
    "\x1bcreset": "reset",
    "\x1b(0line drawing": "line drawing",
    "never \x1b]0;ended": "never 0;ended",
    "a\u202egnp.exe": "agnp.exe",
    "\u2066a\u2069\u200f\u061cb": "ab",
    "back\x08\x08space": "backspace",
    "half \ud800 a pair": "half  a pair",
    "\x00\x7f\x85\x9f": "",
}


@pytest.mark.parametrize(("given", "left"), SEQUENCES.items())
def test_what_a_terminal_would_obey_is_left_out(given: str, left: str) -> None:
    assert plain_lines(given) == left
    assert plain_line(given) == " ".join(plain_line(left).split())


def test_lines_and_tabs_stay_in_a_text_of_lines() -> None:
    assert plain_lines("a\n\tb\r\nc\rd") == "a\n\tb\ncd"
    assert plain_line("a\n\tb\r\nc\u2028d") == "a b c d"


def test_only_harmless_styles_stay_where_they_are_wanted() -> None:
    ours = "\x1b[1m\x1b[31mbold and red\x1b[0m\x1b[1;92m"
    assert plain_lines(ours, styles=True) == ours
    for other in (
        "\x1b[8m",
        "\x1b[7m",
        "\x1b[5m",
        "\x1b[41m",
        "\x1b[38;5;1m",
        "\x1b[2J",
    ):
        assert "\x1b" not in plain_lines(other, styles=True), other


def test_words_of_any_language_stay() -> None:
    for text in ("naïve", "日本語", "עברית", "عربي", "👩‍💻 team", "a  b"):
        assert plain_lines(text) == text
        assert control_in(text) is None


def test_everything_in_data_is_cleaned() -> None:
    assert plain_data({"a\x1b[2J": ["b\x07", {"c": "\u202ed"}], "n": 1, "t": None, "b": True}) == {
        "a": ["b", {"c": "d"}],
        "n": 1,
        "t": None,
        "b": True,
    }


def test_a_log_shows_them_as_they_would_be_written() -> None:
    assert escaped_line("a\nb\r\x1b[2J\u202e\x85") == "a\\nb\\r\\x1b[2J\\u202e\\x85"


@given(st.text(st.characters(categories=["Cc", "Cf", "Zl", "Zp", "Cs", "Lu", "Ps", "Po", "N"])))
def test_nothing_of_the_kind_is_left(text: str) -> None:
    for shown in (plain_line(text), escaped_line(text), plain_lines(text)):
        assert control_in(shown.replace("\n", "").replace("\t", "")) is None
        assert all(unicodedata.bidirectional(each) not in _TURNING for each in shown)
    assert len(escaped_line(text).splitlines()) <= 1


_TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def test_hostile_text_takes_no_time() -> None:
    for part in ("\x1b]", "\x9d", "\x1bP", "\x90", "\x1b[", "\x9b0", "\x1b[1;", "\x1b"):
        plain_lines(part * 100_000, styles=True)
