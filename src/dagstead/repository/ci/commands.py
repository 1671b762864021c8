"""Command lines that Dagster knows: what a call of them does, and to which locations."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dagstead.repository.ci.acts import ALL, ActKind, BuildMethod, Selection, Tool

Words = Sequence[str | None]

_PROGRAMS: Mapping[str, Tool] = {
    "dagster-cloud": Tool.CLI,
    "dagster_cloud_cli": Tool.CLI,
    "dagster_cloud_cli.entrypoint": Tool.CLI,
    "dg": Tool.DG,
    "dagster_dg_cli": Tool.DG,
    "dagster_dg_cli.cli": Tool.DG,
    "dagstead": Tool.DAGSTEAD,
}
#: Programs that start the one that is named behind them.
_LAUNCHERS = frozenset({"env", "hatch", "pdm", "pex", "pipx", "poetry", "uv", "uvx", "xargs"})
_PYTHON = re.compile(r"python[\d.]*|.*\.pex")
_NOT_LAUNCHING = frozenset({"add", "install", "pip", "remove", "sync", "lock", "build", "publish"})
#: Programs that may do anything.
_OPAQUE = frozenset(
    {".", "ansible-playbook", "bash", "eval", "invoke", "just", "make", "nox", "sh", "source"}
    | {"ssh", "task", "tox", "zsh"}
)
_ENVIRONMENTS = re.compile(r".*/bin/activate|/etc/os-release|\$.*")
_BY_PREFIX: Mapping[Tool, Mapping[str, ActKind]] = {
    Tool.CLI: {
        "branch-deployment create-or-update": ActKind.OPEN,
        "branch-deployment delete": ActKind.CLOSE,
        "ci branch-deployment": ActKind.OPEN,
        "ci build": ActKind.BUILD,
        "ci check": ActKind.CHECK,
        "ci deploy": ActKind.DEPLOY,
        "ci init": ActKind.BEGIN,
        "ci locations-deselect": ActKind.DESELECT,
        "ci locations-select": ActKind.SELECT,
        "ci notify": ActKind.NOTIFY,
        "ci set-build-output": ActKind.RECORD,
        "ci template": ActKind.RENDER,
        "config set-deployment": ActKind.NOTIFY,
        "deployment add-location": ActKind.DEPLOY_EXISTING,
        "deployment sync-locations": ActKind.DEPLOY_EXISTING,
        "deployment update-location": ActKind.DEPLOY_EXISTING,
        "organization settings saml": ActKind.NOTIFY,
        "serverless deploy": ActKind.BUILD_AND_DEPLOY,
        "serverless deploy-docker": ActKind.BUILD_AND_DEPLOY,
        "serverless deploy-python-executable": ActKind.BUILD_AND_DEPLOY,
        "settings saml": ActKind.NOTIFY,
        "workspace add-location": ActKind.DEPLOY_EXISTING,
        "workspace sync": ActKind.DEPLOY_EXISTING,
        "workspace update-location": ActKind.DEPLOY_EXISTING,
    },
    Tool.DG: {
        "api": ActKind.NOTIFY,
        "list env": ActKind.NOTIFY,
        "list envs": ActKind.NOTIFY,
        "plus create": ActKind.NOTIFY,
        "plus deploy": ActKind.BUILD_AND_DEPLOY,
        "plus deploy build-and-push": ActKind.BUILD,
        "plus deploy configure": ActKind.NOTIFY,
        "plus deploy deselect": ActKind.DESELECT,
        "plus deploy finish": ActKind.DEPLOY,
        "plus deploy inspect": ActKind.NOTIFY,
        "plus deploy list-locations": ActKind.NOTIFY,
        "plus deploy notify": ActKind.NOTIFY,
        "plus deploy refresh-defs-state": ActKind.NOTIFY,
        "plus deploy select": ActKind.SELECT,
        "plus deploy set-build-output": ActKind.RECORD,
        "plus deploy start": ActKind.BEGIN,
        "plus deploy status": ActKind.NOTIFY,
        "plus pull": ActKind.NOTIFY,
    },
    Tool.DAGSTEAD: {
        "build": ActKind.BUILD,
        "changes": ActKind.COMPARE,
        "deploy": ActKind.BUILD_AND_DEPLOY,
    },
}
_FLAGS = frozenset(
    {"--clean-statedir", "--mark-closed", "--yes", "--require-branch-deployment"}
    | {"--branch-deployment", "--changed", "--close", "--detach", "--no-atomic", "--prune"}
)
#: Options of `dagstead deploy` that leave out what has not changed.
COMPARING = frozenset({"--changed", "--since"})
_STRATEGIES: Mapping[str, BuildMethod] = {
    "python-executable": BuildMethod.PEX,
    "docker": BuildMethod.SERVERLESS_IMAGE,
}
_BY_COMMAND: Mapping[str, BuildMethod] = {
    "ci set-build-output": BuildMethod.IMAGE,
    "plus deploy set-build-output": BuildMethod.IMAGE,
    "serverless deploy": BuildMethod.SERVERLESS_IMAGE,
    "serverless deploy-docker": BuildMethod.SERVERLESS_IMAGE,
    "serverless deploy-python-executable": BuildMethod.PEX,
}
#: The option by which a command closes a branch deployment instead.
_CLOSING: Mapping[tuple[Tool, str], str] = {
    (Tool.CLI, "ci branch-deployment"): "--mark-closed",
    (Tool.DAGSTEAD, "deploy"): "--close",
}
_CREATE = "branch-deployment create-or-update"
#: The programs that the image of the official action has for GitLab.
_GITLAB_ACTION = "/gitlab_action/"
_GITLAB_DEPLOY = f"{_GITLAB_ACTION}deploy.py"
#: Commands that name a location as the word behind them.
_NAMES_BEHIND = ("add-location", "update-location")


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A call of one of the command lines, read."""

    tool: Tool
    does: ActKind
    #: As people write it: ``ci build``.
    by: str
    chosen: Selection
    strategy: BuildMethod | None
    #: The last value of each option; ``None`` is not known.
    options: Mapping[str, str | None]
    #: Words that are no options, behind the command.
    arguments: tuple[str | None, ...]


def command_of(words: Words) -> Command | None:
    """What a call is; ``None`` for one that is about something else."""
    script = _of_gitlab_action(words)
    if script and script[0] == _GITLAB_DEPLOY:
        return _deploy_of_gitlab(script[1:])
    found = program_of(words)
    if found is None:
        return None
    tool, rest = found
    return command_in(tool, rest)


def _of_gitlab_action(words: Words) -> Words:
    """A call of one of these programs, without Python before it; empty for another call."""
    rest = words[1:] if _PYTHON.fullmatch((words[0] or "").rpartition("/")[2]) else words
    return rest if rest and (rest[0] or "").startswith(_GITLAB_ACTION) else ()


def _deploy_of_gitlab(arguments: Words) -> Command | None:
    """``deploy.py FILE [DEPLOYMENT]`` builds and deploys a PEX file of every location of a file."""
    options: dict[str, str | None] = dict(
        zip(("--location-file", "--deployment"), arguments, strict=False)
    )
    command = command_in(Tool.CLI, ("serverless", "deploy-python-executable"))
    return command and replace(command, by=_GITLAB_DEPLOY, options=options)


def command_in(tool: Tool, words: Words) -> Command | None:
    """What words behind the name of a program are."""
    by = _known_prefix(tool, words)
    if by is None:
        return None
    values, arguments, unknown = _read(words[len(by.split()) :])
    options = {name: given[-1] for name, given in values.items()}
    does = _BY_PREFIX[tool][by]
    if _CLOSING.get((tool, by)) in options or (by == _CREATE and _closes(options)):
        does = ActKind.CLOSE
    return Command(
        tool=tool,
        does=does,
        by=f"{'dg ' if tool is Tool.DG else 'dagstead ' if tool is Tool.DAGSTEAD else ''}{by}",
        chosen=_chosen(by, values, arguments, unknown=unknown),
        strategy=_strategy(tool, by, options),
        options=options,
        arguments=tuple(arguments),
    )


def _closes(options: Mapping[str, str | None]) -> bool:
    return (options.get("--pull-request-status") or "").lower() in {"closed", "merged"}


def is_opaque(words: Words) -> bool:
    """Whether a call runs something whose effect cannot be known from here."""
    first = words[0]
    if first is None:
        # `$CLI ...`, but not `$PYTHON -m pip ...`
        return "pip" not in words
    name = first.rpartition("/")[2]
    if name in {"source", "."}:
        return not any(each and _ENVIRONMENTS.fullmatch(each) for each in words[1:])
    if name in _OPAQUE:
        return "-n" not in words and "--version" not in words
    if _PYTHON.fullmatch(name) and any(each and each.endswith(".py") for each in words[1:]):
        return not _of_gitlab_action(words)
    return first.startswith("./") or name.endswith((".sh", ".bash"))


def program_of(words: Words) -> tuple[Tool, Words] | None:
    """The program of a call, and the words behind it; ``None`` for another program."""
    first = words[0]
    name = (first or "").rpartition("/")[2]
    if name in _PROGRAMS:
        return _PROGRAMS[name], words[1:]
    is_launcher = first is None or name in _LAUNCHERS or _PYTHON.fullmatch(name)
    if not is_launcher or (set(words[1:3]) & _NOT_LAUNCHING and name != "env"):
        return None
    for index, each in enumerate(words[1:], start=1):
        program = (each or "").rpartition("/")[2].partition("@")[0]
        if program in _PROGRAMS and words[index - 1] not in {"--from", "--with", "--package"}:
            return _PROGRAMS[program], words[index + 1 :]
    return None


def _known_prefix(tool: Tool, words: Words) -> str | None:
    """The longest beginning that is a command."""
    for length in (3, 2, 1):
        beginning = words[:length]
        if len(beginning) == length and all(beginning):
            text = " ".join(str(each) for each in beginning)
            if text in _BY_PREFIX[tool]:
                return text
    return None


def _read(words: Words) -> tuple[dict[str, list[str | None]], list[str | None], bool]:
    values: dict[str, list[str | None]] = {}
    arguments: list[str | None] = []
    unknown = False
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word is None:
            # It may stand for options, too.
            unknown = True
            arguments.append(None)
        elif not word.startswith("-"):
            arguments.append(word)
        elif "=" in word:
            name, _, value = word.partition("=")
            values.setdefault(name, []).append(None if value == "\0" else value)
        elif at < len(words) and not (words[at] or "").startswith("-") and word not in _FLAGS:
            values.setdefault(word, []).append(words[at])
            at += 1
        else:
            values.setdefault(word, []).append("")
    return values, arguments, unknown


def _chosen(
    by: str,
    values: Mapping[str, list[str | None]],
    arguments: Sequence[str | None],
    *,
    unknown: bool,
) -> Selection:
    given = [*values.get("--location-name", [])]
    if by.endswith(_NAMES_BEHIND) or by in {"build", "deploy"}:
        given += [each for each in arguments[:1] if by.endswith(_NAMES_BEHIND)]
        given += values.get("--location", [])
    if by.endswith("select"):
        given += arguments
    names = tuple(each for each in given if each)
    compares = by == "deploy" and bool(COMPARING & values.keys())
    if not given and not unknown and not compares:
        return ALL
    is_unknown = unknown or compares or None in given
    return Selection(names=names, unknown=True) if is_unknown else Selection(names=names)


def _strategy(tool: Tool, by: str, options: Mapping[str, str | None]) -> BuildMethod | None:
    if by in _BY_COMMAND:
        return _BY_COMMAND[by]
    if by == "ci build":
        given = options.get("--build-strategy", "docker")
        return _STRATEGIES.get(given or "")
    if tool is Tool.DG and "finish" not in by:
        return _dg_strategy(options)
    return BuildMethod.BY_KIND if tool is Tool.DAGSTEAD else None


def _dg_strategy(options: Mapping[str, str | None]) -> BuildMethod | None:
    if options.get("--agent-type") == "hybrid":
        return BuildMethod.IMAGE
    if options.get("--agent-type") == "serverless":
        return _STRATEGIES.get(options.get("--build-strategy", "python-executable") or "")
    return None
