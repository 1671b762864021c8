"""What a plan says of scripts, commands and registries."""

from __future__ import annotations

import pytest

from dagstead.build.model import DockerPlan, PexPlan, Strategy
from tests.support.build_site import Repository
from tests.unit.build.test_planning import FILES, refusal


def test_what_an_official_image_runs_is_in_a_generated_dockerfile(repository: Repository) -> None:
    hooks = {
        "digits/dagster_cloud_pre_install.sh": "#!/bin/sh\n",
        "digits/dagster_cloud_post_install.sh": "#!/bin/sh\n",
    }
    repository.write({**FILES, **hooks, "digits/requirements.txt": "dagster\ndagster-cloud\n"})
    (repository.root / "digits" / "Dockerfile").unlink()

    how = repository.plan().builds[1].how

    assert isinstance(how, DockerPlan)
    before, install, after = (
        (how.generated or "").index(each)
        for each in ("&& /dagster_cloud_pre", "uv pip install", "&& ./dagster_cloud_post")
    )
    assert before < install < after


def test_hooks_that_no_pex_file_can_run_are_named(repository: Repository) -> None:
    repository.write({**FILES, "weather/dagster_cloud_post_install.sh": "#!/bin/sh\n"})

    reason = repository.plan().builds[0].reason

    assert "dagster_cloud_post_install.sh is not run, as a PEX file holds Python" in reason


def test_requirements_of_git_get_git_and_an_ssh_agent(repository: Repository) -> None:
    needs = "dagster\nwinch @ git+ssh://git@git.example.com/winch.git\n"
    repository.write({**FILES, "digits/requirements.txt": needs})
    (repository.root / "digits" / "Dockerfile").unlink()

    how = repository.plan().builds[1].how

    assert isinstance(how, DockerPlan)
    assert "install --yes --no-install-recommends git openssh-client" in (how.generated or "")
    assert "RUN --mount=type=ssh uv pip install" in (how.generated or "")


def test_registries_are_chosen_for_all_images_or_for_one(repository: Repository) -> None:
    written = FILES["dagster_cloud.yaml"].replace("com/digits}", "com/digits:v1}")
    repository.write({**FILES, "dagster_cloud.yaml": written})

    everywhere = repository.plan(registry="other.example.com/all").builds
    own = {"Digits & more": "own.example.com/digits"}
    one = repository.plan(registry="other.example.com/all", registries=own).builds

    images = [build.how for build in (*everywhere, *one) if isinstance(build.how, DockerPlan)]
    assert [how.repository for how in images] == [
        "other.example.com/all",
        "own.example.com/digits",
    ]
    assert isinstance(everywhere[0].how, PexPlan)
    weather = {"weather": "own.example.com/weather"}
    assert "add --strategy 'weather=docker'" in refusal(
        repository, registries=weather, registry="other.example.com/all"
    )
    how = (
        repository.plan(registries={**weather, **own}, strategies={"weather": Strategy.DOCKER})
        .builds[0]
        .how
    )
    assert isinstance(how, DockerPlan)
    assert how.repository == "own.example.com/weather"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("https://own.example.com/a", "begins with a scheme"),
        ("own.example.com/a:v1", "ends with a tag"),
        ("own.example.com/A B", "is not an address"),
        ("${REGISTRY}/a", "is not an address"),
    ],
)
def test_a_registry_that_is_none_is_refused(repository: Repository, text: str, why: str) -> None:
    repository.write(FILES)

    assert why in refusal(repository, registry=text)


def test_commands_before_a_build_are_shown_and_not_run(repository: Repository) -> None:
    """Those of the nearest file, and what they are belongs to the plan."""
    table = '[tool.dagstead]\nbefore-build = ["touch made"]\n'
    repository.write({**FILES, "pyproject.toml": table})
    weather, digits, given = repository.plan().builds
    assert weather.before == digits.before
    assert given.before is None
    assert "before the build, pyproject.toml runs `touch made`" in weather.reason
    assert not (repository.root / "made").exists()

    repository.write({"weather/pyproject.toml": table.replace("touch made", "touch own")})
    own = repository.plan().builds[0].before
    assert own is not None
    assert (own.file, own.commands) == ("weather/pyproject.toml", ("touch own",))

    repository.write({"weather/pyproject.toml": table.replace('["touch made"]', '"touch made"')})
    assert "[tool.dagstead] before-build must be a list of texts" in refusal(repository)
