"""Patterns, expressions and scripts of workflows, read as CI and shells read them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dagstead.repository.ci import expressions
from dagstead.repository.ci.expressions import UNKNOWN, evaluate
from dagstead.repository.ci.globs import matches, selects
from dagstead.repository.ci.inspection import inspect
from dagstead.repository.ci.shell import calls_of
from dagstead.repository.files import read_project
from tests.unit.repository.ci.followed import examine


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*", "README.md", True),
        ("*", "docs/README.md", False),
        ("**", "docs/README.md", True),
        ("*.js", "src/page.js", False),
        ("**.js", "src/page.js", True),
        ("docs/*", "docs/a/b.md", False),
        ("docs/**", "docs/a/b.md", True),
        ("docs/**/*.md", "docs/a.md", True),
        ("**/docs/**", "dir/docs/a.md", True),
        ("**/docs/**", "docs/a.md", True),
        ("**/*-post.md", "my-post.md", True),
        ("docs", "docs/a.md", False),
        ("*.jsx?", "page.js", True),
        ("*.jsx?", "page.jsx", True),
        ("*.[ch]", "page.c", True),
        ("v[12].[0-9]+", "v1.10", True),
        ("v1.0", "v1x0", False),
        (r"\[odd\]\*/**", "[odd]*/a", True),
        ("(", "(", True),
    ],
)
def test_a_filter_matches_as_github_does(pattern: str, path: str, *, expected: bool) -> None:
    assert matches(pattern, path) is expected


def test_the_order_of_negated_patterns_counts() -> None:
    assert selects(["etl/**", "!etl/docs/**"], "etl/a.py")
    assert not selects(["etl/**", "!etl/docs/**"], "etl/docs/a.md")
    assert selects(["etl/**", "!etl/docs/**", "etl/docs/api/**"], "etl/docs/api/a.md")
    assert selects(["!etl/docs/**", "etl/**"], "etl/docs/a.md")
    assert not selects(["!etl/docs/**"], "etl/a.py")


@given(st.text("ab/.*?+[]!-^&|~\\(", max_size=12), st.text("ab/.[", max_size=12))
def test_any_pattern_and_path_give_an_answer(pattern: str, path: str) -> None:
    assert matches(pattern, path) in {True, False}


CONTEXT: dict[tuple[str, ...], str] = {
    ("env", "FAST"): "true",
    ("matrix", "kind"): "hybrid",
    ("github", "event_name"): "push",
    ("inputs", "names"): '["a", "b"]',
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("'it''s'", "it's"),
        ("1.5", 1.5),
        ("env.FAST", "true"),
        ("env['FAST']", "true"),
        ("secrets.X", UNKNOWN),
        ("env.FAST == 'TRUE'", True),
        ("env.FAST && 'a' || 'b'", "a"),
        ("env.FAST != 'true' && 'a' || 'b'", "b"),
        ("!(matrix.kind == 'hybrid')", False),
        ("secrets.X || 'default'", UNKNOWN),
        ("secrets.X && false", False),
        ("github.event_name == 'push' || secrets.X", True),
        ("secrets.X == 'a'", UNKNOWN),
        ("always() && !cancelled()", True),
        ("format('{0}-{1}', env.FAST, 2)", "true-2"),
        ("contains(fromJSON(inputs.names), 'b')", True),
        ("join(fromJSON(inputs.names), '-')", "a-b"),
        ("startsWith(github.event_name, 'PU')", True),
        ("github.event.*.name", UNKNOWN),
        ("1 < 2", UNKNOWN),
        ("nonsense(", UNKNOWN),
        ("a b", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_an_expression_has_a_value_or_is_unknown(source: str, value: object) -> None:
    assert evaluate(source, lambda path: CONTEXT.get(path, UNKNOWN)) == value


def test_a_condition_may_leave_out_its_braces() -> None:
    def lookup(path: tuple[str, ...]) -> object:
        return CONTEXT.get(path, UNKNOWN)

    assert expressions.condition("${{ env.FAST == 'false' }}", lookup) is False
    assert expressions.condition("env.FAST == 'false'", lookup) is False
    assert expressions.condition("secrets.X", lookup) is None
    assert expressions.fill("a-${{ env.FAST }}-${{ matrix.kind }}", lookup) == "a-true-hybrid"
    assert expressions.fill("a-${{ secrets.X }}", lookup) is None


def words(script: str, **variables: str | None) -> list[tuple[str | None, ...]]:
    return [call.words for call in calls_of(script, dict(variables), lambda _: None)]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("a b \\\n  c", [("a", "b", "c")]),
        ("a 'b c' \"d e\"", [("a", "b c", "d e")]),
        ("a; b && c | d\ne", [("a",), ("b",), ("c",), ("d",), ("e",)]),
        ("a # b\nc", [("a",), ("c",)]),
        ("a > out 2>&1 b", [("a", "b")]),
        ("a <<'X' b\nnot $this\nX\nc", [("a", "b"), ("c",)]),
        ("x=1 y=2 a $x$y", [("a", "12")]),
        ("x='b c'; a $x \"$x\"", [("a", "b", "c", "b c")]),
        ('a $(b "c)") d', [("b", "c)"), ("a", None, "d")]),
        ("a `b`", [("b",), ("a", None)]),
        ('a --n=$x --m "${y[@]}"', [("a", "--n=\0", "--m", None)]),
        ("f() { a $1; }; f b; f c", [("a", "b"), ("a", "c")]),
        ("if a; then b; else c; fi", [("a",), ("b",), ("c",)]),
        ('if a; then x=b; else x=c; fi; d "$x"', [("a",), ("d", None)]),
        ('x=b; if a; then x=c; fi; d "$x"', [("a",), ("d", None)]),
        ("if a; then x=b; d $x; else x=b; fi; d $x", [("a",), ("d", "b"), ("d", "b")]),
        (
            'case $y in a) x=b;; *) x=c;; esac; d "$x"',
            [("case", None, "in", "a"), ("*",), ("d", None)],
        ),
        ('x=b; for y in $z; do x=c; done; d "$x"', [("d", None)]),
        ('x=b; a || x=c; d "$x"', [("a",), ("d", None)]),
        ("a ${{ secrets.X }}", [("a", None)]),
        (
            'export x=b; a $x; unset x; a "$x"',
            [("export", "x=b"), ("a", "b"), ("unset", "x"), ("a", "")],
        ),
    ],
)
def test_a_script_is_cut_into_commands(script: str, expected: list[tuple[str | None, ...]]) -> None:
    assert words(script) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('[ "$fast" = true ]', "yes"),
        ('[ "$fast" != true ]', "no"),
        ('! [ "$fast" = true ]', "no"),
        ('[ ! "$fast" = true ]', "no"),
        ("test $fast == true", "yes"),
        ('[[ "$fast" == true ]]', "yes"),
        ('[[ "$fast" == t* ]]', None),
        ('[ -n "$fast" ]', "yes"),
        ('[ -z "$fast" ]', "no"),
        ('[ "$other" = true ]', None),
        ('[ "$fast" = true ] && [ "$other" = true ]', None),
        ('[ "$fast" = true ] && [ -n a ]', "yes"),
        ('[ "$fast" = x ] || [ "$fast" = true ]', "yes"),
        ('[ "$fast" = x ] && a', "no"),
        ("a", None),
        ("true | a", None),
    ],
)
def test_only_the_branches_of_a_script_are_followed_that_may_run(
    condition: str, expected: str | None
) -> None:
    script = f'if {condition}; then x=yes; in yes; else x=no; in no; fi; behind "$x"'

    found = words(script, fast="true", other=None)

    assert found[-1] == ("behind", expected)
    inside = [arguments for program, *arguments in found if program == "in"]
    assert inside == ([["yes"], ["no"]] if expected is None else [[expected]])


def test_a_chain_of_conditions_ends_with_the_first_that_holds() -> None:
    script = (
        'if [ "$on" = push ]; then to=prod; elif [ "$on" = tag ]; then to=eu; else to=none; fi\n'
        'a "$to"'
    )

    assert words(script, on="push")[-1] == ("a", "prod")
    assert words(script, on="tag")[-1] == ("a", "eu")
    assert words(script, on="x")[-1] == ("a", "none")
    assert words(script, on=None)[-1] == ("a", None)


def test_what_may_be_unset_is_not_taken_for_set() -> None:
    calls = list(calls_of('if [ "$b" ]; then unset a; fi; c', {"a": "1"}, lambda _: None))

    assert "a" not in calls[-1].variables


@given(st.text(alphabet="ab$(){}'\"`\\\n;|&<>#= !", max_size=30))
def test_any_script_comes_to_an_end(script: str) -> None:
    for call in calls_of(script, {}, lambda _: None):
        assert 0 <= call.start <= call.end <= len(script) + 1


_LEAVES = st.sampled_from(
    ["push", "${{ x }}", "a\n$(b", "./.github/workflows/a.yml", "dagster-cloud ci deploy", None, 1]
)
_KEYS = st.sampled_from(
    [
        *("on", "jobs", "steps", "uses", "run", "with", "env", "if", "needs", "strategy"),
        *("matrix", "include", "paths", "push", "pull_request", "types", "concurrency"),
        *("outputs", "command"),
    ]
)


@settings(max_examples=40)
@given(
    st.recursive(
        _LEAVES,
        lambda below: st.lists(below, max_size=3) | st.dictionaries(_KEYS, below, max_size=4),
        max_leaves=20,
    )
)
def test_any_shape_of_a_workflow_is_read(document: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ".github" / "workflows" / "a.yml"
        path.parent.mkdir(parents=True)
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        (path.parents[2] / ".git").mkdir()
        inspection = inspect(read_project(path.parents[2]))

        assert len(inspection.workflows) == 1
        examine(inspection)
