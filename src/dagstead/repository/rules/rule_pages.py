"""The pages of ``docs/rules``, made from the rules."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

from dagstead.repository.rules.base import Rule

_LANGUAGES = {"yaml": "yaml", "yml": "yaml", "toml": "toml", "sh": "bash", "py": "python"}
_GROUPS = (
    ("DS1", "Form", "A program that has to read such a file refuses it."),
    ("DS20", "Loss", "What is written is lost, or contradicted elsewhere."),
    (
        "DS21",
        "Queues and kinds",
        "Locations that wait on the wrong queue, or whose kind is unclear.",
    ),
    ("DS22", "Templates and defaults", "Few official commands apply them."),
    ("DS23", "Registries", "Where images are pushed."),
    ("DS24", "Paths", "Folders and files that a location names."),
    ("DS25", "Platforms", "Settings that an agent refuses."),
    ("DS26", "Packages", "What a PEX file cannot be made from, or is made without."),
    ("DS3", "dg", "Projects and workspaces of dg."),
    ("DS4", "Agents", "Files of agents whose queues are not what they seem."),
    ("DS5", "Workflows", "Deploys that lose or mix up locations."),
    ("DW10", "Workflow files", "Files that CI cannot run."),
    ("DW11", "Locations and workflows", "Locations and workflows that miss each other."),
    ("DW12", "Path filters", "Changes that start nothing."),
    ("DW13", "Ways of building", "Locations that are built as another kind."),
    ("DW14", "Actions and runners", "What does not exist, is old, or moves."),
    ("DW15", "Sessions", "Deploys that get lost, and branch deployments that stay."),
    ("DW16", "Control planes", "Workflows for a control plane that is not Dagster+."),
    ("DW17", "Secrets", "What gives tokens away."),
)


def rule_pages(rules: Sequence[Rule]) -> Mapping[str, str]:
    """File names and texts, in Markdown: a page for each rule, and an index."""
    pages = {f"{each.code}.md": rule_page(each) for each in rules}
    return {"index.md": _index(rules), **pages}


def rule_page(rule: Rule) -> str:
    """One rule: what must not be, why, and how it is written."""
    facts = [f"Reported as **{rule.severity}**."]
    if rule.form:
        facts.append("The official command line refuses such a file.")
    if rule.fixable:
        facts.append("`dagstead check --fix` can fix it.")
    if rule.variables is not None:
        given = " ".join(f"--var {key}={value}" for key, value in rule.variables.items())
        facts.append(f"The examples are checked with `{given}`.")
    parts = (
        f"# {rule.code}: {rule.name}",
        rule.title,
        " ".join(facts),
        "## Why",
        rule.reason,
        "## Wrong",
        _example(rule.bad),
        "## Right",
        _example(rule.good),
    )
    return "\n\n".join(parts) + "\n"


def _index(rules: Sequence[Rule]) -> str:
    parts = [
        "# Rules",
        (
            "`dagstead check` reads the configuration of a repository and says what is wrong in "
            "it and in its workflows, where, and what to write instead. "
            "`dagstead workflow inspect` runs the rules about workflows alone, DS5 and DW, and "
            "says what the workflows do. Both print a rule's page with `--explain CODE`."
        ),
        "These pages are made from the code by `make rules`.",
    ]
    for start, title, text in _GROUPS:
        rows = [
            f"| [{each.code}]({each.code}.md) | {each.name} | {each.severity} | {each.title} |"
            for each in rules
            if each.code.startswith(start)
        ]
        table = ["| code | name | | rule |", "| --- | --- | --- | --- |", *rows]
        parts += [f"## {title}", text, "\n".join(table)]
    parts.append("```{toctree}\n:hidden:\n:glob:\n\nD*\n```")
    return "\n\n".join(parts) + "\n"


def _example(files: Mapping[str, str]) -> str:
    blocks = []
    for path, text in files.items():
        language = _LANGUAGES.get(path.rpartition(".")[2], "text")
        if not text.strip():
            blocks.append(f"`{path}` (empty)")
            continue
        body = _visible(text)
        # What does not parse is not coloured: Sphinx would complain.
        language = language if body == text and "{{" not in text else "text"
        blocks.append(f"`{path}`\n\n```{language}\n{body.rstrip()}\n```")
    return "\n\n".join(blocks)


def _visible(text: str) -> str:
    """Characters that cannot be seen or written, by name."""
    shown = []
    for each in text:
        if unicodedata.category(each) == "Cf":
            shown.append(f"<U+{ord(each):04X}>")
        elif unicodedata.category(each) == "Cs":
            shown.append(f"<byte {ord(each) - 0xDC00:02X}>")
        else:
            shown.append(each)
    return "".join(shown)
