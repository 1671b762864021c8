"""Names and folders that CI or a shell would execute, in everything that is generated."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dagstead.errors import InvalidInputError
from dagstead.repository.ci.provider import Provider
from dagstead.repository.files import read_project
from dagstead.repository.workflows.expressions import expression, written
from dagstead.repository.workflows.generation import generate
from dagstead.repository.workflows.options import DeployTool, Options, Pattern

EVERY = [
    Options(provider=provider, pattern=pattern, tool=tool)
    for provider in (Provider.GITHUB, Provider.GITLAB)
    for pattern in Pattern
    for tool in DeployTool
    if not (provider is Provider.GITLAB and pattern not in {Pattern.EVERYTHING, Pattern.ROUTED})
    and not (provider is Provider.GITLAB and tool is DeployTool.OFFICIAL_ACTION)
    and not (pattern is Pattern.ROUTED and tool is DeployTool.DAGSTEAD)
]

#: Runs scripts for which every program is missing, so that only the shell itself does something.
SHELL = """
command_not_found_handle() { return 0; }
PATH=/nowhere PLAN=plan GITHUB_OUTPUT=out
for script; do (eval "$script"); done
"""

#: What would leave a file if it was executed.
BOMBS = (
    "$(: > PWNED)",
    "`: > PWNED`",
    "'; : > PWNED; '",
    '"; : > PWNED; "',
    "$[[ inputs.x ]]",
    "${{ github.event.pull_request.title }}",
    "${{github.head_ref}}",
    "a\nb: > PWNED",
    "x\r: > PWNED",
    "\u0085: > PWNED",
    "\u2028: > PWNED",
    "\ue000github.event.pull_request.title\ue001",
    "\x9b31m",
    "& : > PWNED &",
    "| : > PWNED",
    "EOF\n: > PWNED",
    "#",
    "-rf",
    "!x",
    "*",
    "$PLAN",
)
PARTS = st.one_of(
    st.sampled_from(BOMBS),
    st.lists(st.sampled_from((*"ab -_.$`'\"\\;&|<>(){}[]!#*?~\n\t%^=:,@", "${{", "}}")), max_size=8)
    .map("".join)
    .map(lambda text: f"x{text}"),
)


def is_folder(text: str) -> bool:
    return "/" not in text and "\0" not in text and text not in {"", ".", ".."}


FOLDERS = PARTS.filter(is_folder).map(lambda text: text.encode("utf-8", "ignore").decode())


def texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a document, behind the key that it belongs to; keys are texts, too."""
    match value:
        case str():
            yield key, value
        case list():
            for each in value:
                yield from texts(each, key)
        case dict():
            for name, below in value.items():
                yield "", str(name)
                yield from texts(below, str(name))
        case _:
            pass


def expressions(document: Any) -> set[str]:
    return {
        re.sub(r"\d+", "N", found)
        for _, text in texts(document)
        for found in re.findall(r"\$\{\{.*?\}\}|\$\[\[.*?\]\]", text, re.DOTALL)
    }


def files(root: Path, options: Options, name: str, folder: str, registry: str) -> list[str]:
    """What is generated for a repository with two locations, in a folder of a given name."""
    (root / ".git").mkdir()
    home = root / folder
    for each in (home, home / folder, home / "plain"):
        each.mkdir(exist_ok=True)
        (each / "requirements.txt").write_text("dagster-cloud\n", encoding="utf-8")
        (each / "Dockerfile").write_text("FROM python:3.12-slim\n", encoding="utf-8")
    locations = [
        {"location_name": name, "build": {"directory": f"./{folder}"}},
        {
            "location_name": f"{name} image",
            "build": {"directory": "./plain", "registry": registry},
            "agent_queue": "q",
        },
    ]
    text = yaml.safe_dump({"locations": locations}, allow_unicode=True)
    (home / "dagster_cloud.yaml").write_text(text, encoding="utf-8")
    return [each.text for each in generate(read_project(root), options)]


def try_files(options: Options, name: str, folder: str, registry: str) -> list[str] | None:
    """The same in a new repository; ``None`` if it is refused."""
    with tempfile.TemporaryDirectory() as root:
        try:
            return files(Path(root), options, name, folder, registry)
        except InvalidInputError:
            return None


@cache
def usual_expressions(options: Options) -> set[str]:
    """Those that are generated for a repository whose names are harmless."""
    usual = try_files(options, "usual", "usual", "r.example.com/x")
    assert usual is not None
    return {each for text in usual for each in expressions(yaml.safe_load(text))}


@pytest.mark.parametrize(
    "options", EVERY, ids=lambda each: f"{each.provider}-{each.pattern}-{each.tool}"
)
@settings(max_examples=40)
@given(name=PARTS, folder=FOLDERS, registry=PARTS)
@example(name="etl", folder="etl-${{github.event.pull_request.title}}", registry="r.example.com/x")
@example(name="etl", folder="it's $(: > PWNED) `: > PWNED`", registry="r.example.com/'$(: > PWNED)")
@example(name="a \"b\" 'c' $(: > PWNED)", folder="etl", registry="r.example.com/x")
def test_nothing_of_a_repository_is_executed(
    options: Options, name: str, folder: str, registry: str
) -> None:
    found = try_files(options, name, folder, registry)
    if found is None:
        return
    for text in found:
        document = yaml.safe_load(text)
        assert expressions(document) <= usual_expressions(options)
        scripts = [each for key, each in texts(document) if key in {"run", "script"}]
        assert scripts
        assert not any("${{" in script for script in scripts)
        assert_harmless(scripts)


def assert_harmless(scripts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            ["/bin/bash", "-c", SHELL, "bash", *scripts],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=60,
            env={},
        )
        assert not (Path(folder) / "PWNED").exists()


def test_a_script_that_is_not_harmless_is_noticed() -> None:
    with pytest.raises(AssertionError):
        assert_harmless(["echo $(: > PWNED)"])


@pytest.mark.parametrize("text", ["${{ x }}", "a ${{x}} b", "$[[ inputs.x ]]"])
def test_only_expressions_that_are_made_here_are_written(text: str) -> None:
    mine = {"env": {"SHA": f"v-{expression('github.sha')}"}}
    assert written(mine) == {"env": {"SHA": "v-${{ github.sha }}"}}

    for document in ({text: "x"}, {"run": text}, {"a": [{"b": text}]}):
        with pytest.raises(InvalidInputError, match="CI would fill in"):
            written(document)


@pytest.mark.parametrize(
    "options",
    [
        Options(deployment="pr$CI_COMMIT_TITLE"),
        Options(deployment="a\nb"),
        Options(branch="${{ github.head_ref }}"),
        Options(branch="a\u0085b"),
    ],
)
def test_options_that_ci_would_fill_in_are_refused(options: Options) -> None:
    with pytest.raises(InvalidInputError, match="CI would not leave alone"):
        options.checked()
