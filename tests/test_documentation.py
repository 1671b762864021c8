"""The book: its generated pages are current, its links lead somewhere, every page has a shelf."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.environments import REPOSITORY

DOCS = REPOSITORY / "docs"
PAGES_OF_THE_BOOK = [page for page in sorted(DOCS.rglob("*.md")) if "_build" not in page.parts]
#: What Sphinx does not check: pages that are read where the source is.
READ_IN_THE_SOURCE = [
    *sorted(REPOSITORY.glob("*.md")),
    *sorted(REPOSITORY.glob("charts/*/README.md")),
]


@pytest.mark.parametrize(
    ("script", "page"),
    [
        ("make-settings-page", DOCS / "operate/settings.md"),
        ("make-deployment-settings-page", DOCS / "operate/deployment-settings.md"),
        ("make-graphql-page", DOCS / "reference/graphql.md"),
    ],
)
def test_a_page_that_is_made_from_the_code_is_current(
    tmp_path: Path, script: str, page: Path
) -> None:
    made = tmp_path / page.name
    subprocess.run([sys.executable, REPOSITORY / "scripts" / script, made], check=True)

    assert page.read_text(encoding="utf-8") == made.read_text("utf-8"), "run `make reference`"


@pytest.mark.parametrize(
    "page", READ_IN_THE_SOURCE, ids=lambda page: str(page.relative_to(REPOSITORY))
)
def test_links_outside_the_book_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))

    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_shelf_of_the_book_can_be_reached_from_the_readme() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    shelves = [folder.name for folder in DOCS.iterdir() if any(folder.glob("*.md"))]

    assert len(shelves) > 5
    assert [name for name in shelves if f"(docs/{name}/" not in readme] == []


def test_every_change_is_shown_in_the_changelog() -> None:
    """A fragment with a mistyped name or kind would be left out without a word."""
    command = [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "next"]
    drawn = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True)
    shown = " ".join(drawn.stdout.split())
    texts = {
        path.name: " ".join(path.read_text(encoding="utf-8").split())
        for path in (REPOSITORY / "changes.d").iterdir()
        if not path.name.startswith(".")
    }

    assert [name for name, text in texts.items() if not text or f"- {text}" not in shown] == []


#: Words that make a sentence of this project hard to read; CONTRIBUTING has what to write instead.
AVOIDED = re.compile(
    r"""
    \b(?: tell | tells | telling | told )\b
    | \beach (?= \s* (?: [.,;:!?)|] | $ ) )                # "the test that proves each."
    | \beach \s (?: of | really | \w* [^\Wsu] s )\b        # "each of them", "each serves a queue"
    """,
    re.VERBOSE | re.IGNORECASE,
)


@pytest.mark.parametrize(
    "page",
    [*READ_IN_THE_SOURCE, *PAGES_OF_THE_BOOK],
    ids=lambda page: str(page.relative_to(REPOSITORY)),
)
def test_a_page_is_in_plain_words(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    if page.name == "CONTRIBUTING.md":
        # Its table quotes them.
        text = re.sub(r"## Plain English\n.*?(?=\n## |\Z)", "", text, flags=re.DOTALL)
    prose = re.sub(r"```.*?```|`[^`]*`", "`…`", text, flags=re.DOTALL)

    assert [hit.group() for hit in AVOIDED.finditer(" ".join(prose.split()))] == []


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("It is told as gone.", "told"),
        ("Each serves its queues.", "Each serves"),
        ("the test that proves each.", "each"),
        ("Each of them", "Each of"),
        ("Each process keeps a connection to each database, for each user.", None),
        ("They know each other.", None),
    ],
)
def test_plain_words_are_kept_apart_from_others(sentence: str, found: str | None) -> None:
    hit = AVOIDED.search(sentence)

    assert (hit.group() if hit else None) == found
