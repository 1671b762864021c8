"""What we say about ``container_context`` is what the official classes of agents say."""

from __future__ import annotations

import copy
import json
import random
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import yaml

from dagstead.model.source import SourceText
from dagstead.repository.files import read_project
from dagstead.repository.files.yaml_reader import read_yaml
from dagstead.repository.rules import containers
from dagstead.repository.rules.containers.judge import refusals
from dagstead.repository.rules.containers.schema import FILE, Schema, container_schema
from tests.support.corpus import corpus_folder, repositories_in
from tests.support.environments import platforms_environment

_PROGRAM = Path(__file__).parents[1] / "support" / "programs" / "container_contexts.py"
_PLATFORMS = ("k8s", "docker", "ecs")
_VALUES: Sequence[Any] = (
    "text",
    "12",
    "",
    7,
    0,
    1.5,
    True,
    False,
    None,
    {},
    [],
    {"env": "HOME"},
    {"name": "x"},
    ["A=1"],
    [{"name": "x"}],
    {"a": "b"},
    [3],
)
_KEYS = ("nme", "envSecrets", "pod_spec", "cpu", "x")


def test_the_schema_is_that_of_the_official_classes(request: pytest.FixtureRequest) -> None:
    official = json.loads(_official("schema"))
    file = resources.files(containers).joinpath(FILE)
    if request.config.getoption("--write-records"):
        Path(str(file)).write_text(_readable(official), encoding="utf-8")

    assert json.loads(file.read_text(encoding="utf-8")) == official, "run with --write-records"


@pytest.mark.parametrize("platform", _PLATFORMS)
def test_the_official_classes_refuse_what_we_refuse(platform: str) -> None:
    contexts = list(_made(platform, random.Random(20), 1200))

    answers = _judged(contexts)

    refused = 0
    for context, official in zip(contexts, answers, strict=True):
        ours = _ours(context)
        if re.search("env(ironment)? variable", f"{official[platform]}"):
            # What an agent has in its environment is not ours to know.
            continue
        refuses = official[platform] is not None
        refused += refuses
        if refuses:
            assert ours, (context, official)
        if ours and platform != "k8s":
            assert refuses, (context, ours)
        if ours and not refuses and not official["k8s objects"]:
            # The official class makes a list of the letters of a text, or of a mapping's keys.
            assert all(each.endswith(", not a list") for each in ours), (context, ours)
    assert len(contexts) / 4 < refused < len(contexts) * 9 / 10


def test_the_official_classes_take_what_real_repositories_have() -> None:
    contexts = list(_of_the_corpus())

    answers = _judged(contexts, variables=_read_by_agents(contexts))

    assert len(contexts) > 10
    for context, official in zip(contexts, answers, strict=True):
        assert bool(_ours(context)) == any(official.values()), (context, official, _ours(context))


def _of_the_corpus() -> Iterator[dict[str, Any]]:
    for folder in repositories_in(corpus_folder()):
        for location in read_project(folder).definitions:
            if location.container_context is not None:
                yield dict(location.container_context.value)


def _ours(context: Mapping[str, Any]) -> list[str]:
    text = yaml.safe_dump(context)
    root = read_yaml(SourceText(file="container_context.yaml", text=text)).root
    assert root is not None
    return [each.message for each in refusals(root, container_schema(), whole=True)]


def _read_by_agents(contexts: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The variables without values, which an agent takes from its own environment."""
    settings = [part for each in contexts for part in each.values() if isinstance(part, dict)]
    named = [name for each in settings for name in each.get("env_vars") or ()]
    return {name: "set" for name in named if "=" not in name}


def _judged(
    contexts: Sequence[Mapping[str, Any]], variables: Mapping[str, str] = MappingProxyType({})
) -> list[dict[str, str | None]]:
    asked = "".join(f"{json.dumps(each)}\n" for each in contexts)
    return [json.loads(line) for line in _official("judge", asked, variables).splitlines()]


def _official(
    what: str, asked: str = "", variables: Mapping[str, str] = MappingProxyType({})
) -> str:
    environment = platforms_environment()
    done = subprocess.run(
        [str(environment.program("python")), str(_PROGRAM), what],
        input=asked,
        env=environment.variables(**variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _readable(schema: Mapping[str, Any]) -> str:
    """One line for each platform and each model, so that changes can be read."""
    lines = [
        f'"{part}": {{\n'
        + ",\n".join(f'  "{key}": {json.dumps(schema[part][key])}' for key in sorted(schema[part]))
        + "\n}"
        for part in ("shared", "platforms", "models")
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _made(platform: str, chance: random.Random, count: int) -> Iterator[dict[str, Any]]:
    """Settings of a platform: right ones, most of them with something changed."""
    maker = _Maker(container_schema(), chance)
    for _ in range(count):
        settings = maker.value(container_schema().platforms[platform], 0)
        context = {platform: settings}
        for _ in range(chance.choice((0, 1, 1, 2))):
            _spoil(context, chance)
        yield context


def _spoil(value: Any, chance: random.Random) -> None:
    """Change something at a random depth."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = chance.choice(keys)
        inner = value[key]
        if isinstance(inner, dict | list) and inner and chance.random() < 0.8:
            value = inner
            continue
        if isinstance(value, dict) and chance.random() < 0.4:
            value[chance.choice(_KEYS)] = value.pop(key)
        else:
            value[key] = copy.deepcopy(chance.choice(_VALUES))
        return


class _Maker:
    """Makes values of the types of the schema."""

    def __init__(self, schema: Schema, chance: random.Random) -> None:
        self._schema = schema
        self._chance = chance

    def value(self, kind: Any, depth: int) -> Any:  # noqa: PLR0911 - one for each kind
        if isinstance(kind, str):
            made = {"text": "text", "whole": 3, "number": 2.5, "truth": True, "count": 4}
            return made.get(kind, "any")
        if "optional" in kind:
            return None if self._chance.random() < 0.2 else self.value(kind["optional"], depth)
        if "or_env" in kind:
            as_variable = self._chance.random() < 0.2 and kind["or_env"] == "text"
            return {"env": "HOME"} if as_variable else self.value(kind["or_env"], depth)
        if "choice" in kind:
            return self._chance.choice(kind["choice"])
        if "list" in kind:
            items = self._chance.choice((0, 1, 1, 2))
            if "env" in str(kind) and kind["list"] in ("text", {"or_env": "text"}):
                return ["A=1"] * items
            return [self.value(kind["list"], depth + 1) for _ in range(items)]
        if "map" in kind:
            return {"a": self.value(kind["map"], depth + 1)}
        return self._mapping(kind, depth)

    def _mapping(self, kind: Any, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        fields: Mapping[str, Any] = kind.get("fields", {})
        for key in self._some([*fields], kind.get("required", ()), 3):
            made[key] = self.value(fields[key], depth + 1)
        model = self._schema.models.get(kind.get("model", ""))
        if model is not None:
            most = 3 if depth < 5 else 0
            for key in self._some([*model.types], model.required, most):
                camel = model.camel.get(key, key)
                if key not in made and camel not in made:
                    written = self._chance.choice((key, camel))
                    made[written] = self.value(model.types[key], depth + 1)
        return made

    def _some(self, keys: list[str], required: Sequence[str], most: int) -> list[str]:
        picked = self._chance.sample(keys, min(most, len(keys)))
        return sorted({*picked, *required})
