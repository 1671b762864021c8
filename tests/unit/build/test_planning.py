"""How each location is to be built, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagstead.build.commits import commit_page
from dagstead.build.model import DockerPlan, PexPlan, PrebuiltPlan, Strategy
from dagstead.build.pythons import OWN_VERSION
from dagstead.errors import InvalidInputError
from tests.support.build_site import Repository
from tests.support.git import commit_all

MIXED = """
    defaults:
      container_context:
        k8s: {namespace: data}
    locations:
      - location_name: weather
        code_source: {module_name: weather}
        build: {directory: ./weather}
      - location_name: Digits & more
        code_source: {package_name: digits}
        build: {directory: ./digits, registry: registry.example.com/digits}
        agent_queue: gpu
      - location_name: given
        code_source: {python_file: given.py}
        image: registry.example.com/given:v1
"""
FILES = {
    "dagster_cloud.yaml": MIXED.replace("    defaults:\n      container_context:\n", "").replace(
        "        k8s: {namespace: data}\n", ""
    ),
    "weather/pyproject.toml": '[project]\nname = "weather"\nrequires-python = ">=3.10"\n',
    "weather/weather.py": "",
    "digits/Dockerfile": "FROM scratch\n",
    "digits/digits/__init__.py": "",
}


def refusal(repository: Repository, **options: object) -> str:
    with pytest.raises(InvalidInputError) as caught:
        repository.plan(**options)
    return caught.value.message


def test_each_location_has_its_own_strategy_and_reason(repository: Repository) -> None:
    repository.write(FILES)

    weather, digits, given = repository.plan().builds

    assert (weather.strategy, digits.strategy, given.strategy) == (
        Strategy.PEX,
        Strategy.DOCKER,
        Strategy.PREBUILT,
    )
    assert "nothing names a registry" in weather.reason
    assert "build.registry is 'registry.example.com/digits'" in digits.reason
    assert weather.directory == (repository.root / "weather").resolve()
    assert (weather.queue, digits.queue) == (None, "gpu")
    assert given.how == PrebuiltPlan(image="registry.example.com/given:v1")


def test_documents_have_the_defaults_and_no_build(repository: Repository) -> None:
    repository.write({**FILES, "dagster_cloud.yaml": MIXED})

    digits = next(
        each
        for each in repository.plan(
            strategies={"weather": Strategy.PEX, "given": Strategy.PREBUILT}
        ).builds
        if each.queue == "gpu"
    )

    assert digits.document == {
        "location_name": "Digits & more",
        "code_source": {"package_name": "digits"},
        "agent_queue": "gpu",
        "container_context": {"k8s": {"namespace": "data"}},
    }


def test_an_images_tag_says_location_commit_and_content(repository: Repository) -> None:
    repository.write(FILES)
    commit = commit_all(repository.root)

    first = repository.plan().builds[1]
    repository.write({"digits/digits/__init__.py": "changed = True"})
    second = repository.plan().builds[1]

    assert isinstance(first.how, DockerPlan)
    assert isinstance(second.how, DockerPlan)
    assert first.how.tag == f"digits-more-{commit[:7]}-{first.cache_key[:8]}"
    assert first.how.reference == f"registry.example.com/digits:{first.how.tag}"
    assert first.how.tag != second.how.tag


def test_the_same_files_have_the_same_key(repository: Repository) -> None:
    repository.write(FILES)
    before = [each.cache_key for each in repository.plan().builds]

    (repository.root / "weather" / "__pycache__").mkdir()
    (repository.root / "weather" / "__pycache__" / "weather.pyc").write_bytes(b"compiled")

    assert [each.cache_key for each in repository.plan().builds] == before


def test_two_locations_never_write_one_image(repository: Repository) -> None:
    repository.write(
        {
            "dagster_cloud.yaml": """
            locations:
              - location_name: a b
                code_source: {package_name: a}
                build: {directory: ., registry: registry.example.com/all}
              - location_name: a-b
                code_source: {package_name: a}
                build: {directory: ., registry: registry.example.com/all}
            """,
            "Dockerfile": "FROM scratch\n",
        }
    )

    hows = [each.how for each in repository.plan().builds]

    assert len({how.reference for how in hows if isinstance(how, DockerPlan)}) == 2


def test_an_ambiguous_location_is_refused_with_what_settles_it(repository: Repository) -> None:
    repository.write(
        {
            "dagster_cloud.yaml": """
            locations:
              - location_name: etl
                code_source: {package_name: etl}
                agent_queue: gpu
            """
        }
    )

    said = refusal(repository)

    assert "dagster_cloud.yaml:2:20: etl: it is ambiguous how to build it" in said
    assert "--strategy 'etl=pex'" in said
    assert repository.plan(strategies={"etl": Strategy.PEX}).builds[0].strategy is Strategy.PEX


def test_all_that_is_refused_is_reported_at_once(repository: Repository) -> None:
    repository.write(
        {
            "dagster_cloud.yaml": """
            locations:
              - location_name: tagged
                code_source: {package_name: etl}
                build: {directory: ., registry: "registry.example.com/etl:latest"}
              - location_name: lost
                code_source: {package_name: etl}
                build: {directory: ./gone}
              - location_name: empty
            """,
            "Dockerfile": "",
        }
    )

    said = refusal(repository)

    assert "DS230 build.registry 'registry.example.com/etl:latest' ends with a tag" in said
    assert "there is no folder 'gone'" in said
    assert "empty: code_source is missing" in said


def test_only_what_is_asked_for_is_judged(repository: Repository) -> None:
    repository.write(
        {**FILES, "dagster_cloud.yaml": FILES["dagster_cloud.yaml"].replace("./digits", "./no")}
    )

    assert [each.location for each in repository.plan(locations=("weather",)).builds] == ["weather"]
    assert "no" in refusal(repository)


@pytest.mark.parametrize(
    "options",
    [
        {"locations": ("wether",)},
        {"strategies": {"wether": Strategy.PEX}},
        {"images": {"wether": "a:b"}},
        {"dockerfiles": {"wether": Path("Dockerfile")}},
    ],
    ids=str,
)
def test_a_misspelt_location_gets_a_suggestion(
    repository: Repository, options: dict[str, object]
) -> None:
    repository.write(FILES)

    assert "Did you mean 'weather'?" in refusal(repository, **options)


def test_an_image_from_elsewhere_makes_a_location_prebuilt(repository: Repository) -> None:
    repository.write(FILES)
    digest = "registry.example.com/digits@sha256:" + "0" * 64

    digits = repository.plan(images={"Digits & more": digest}).builds[1]

    assert digits.how == PrebuiltPlan(image=digest)
    assert "--image" in refusal(
        repository,
        images={"weather": digest},
        strategies={"weather": Strategy.PEX},
    )


def test_a_serverless_location_with_a_dockerfile_stays_a_pex_and_says_so(
    repository: Repository,
) -> None:
    repository.write({**FILES, "weather/Dockerfile": "FROM scratch\n"})

    weather = repository.plan().builds[0]

    assert weather.strategy is Strategy.PEX
    assert "its Dockerfile is not used" in weather.reason


def test_an_image_needs_a_place_to_go(repository: Repository) -> None:
    repository.write(FILES)

    assert "write build.registry" in refusal(repository, strategies={"given": Strategy.DOCKER})


def test_an_image_of_a_serverless_location_goes_to_the_control_plane(
    repository: Repository,
) -> None:
    repository.write(FILES)

    plan = repository.plan(strategies={"weather": Strategy.DOCKER})

    (needing,) = plan.needs_registry
    assert isinstance(needing.how, DockerPlan)
    assert needing.how.reference == needing.how.tag
    known = plan.with_registry("plane.test/prod")
    assert known.needs_registry == ()
    weather, digits, _ = (each.how for each in known.builds)
    assert isinstance(weather, DockerPlan)
    assert weather.reference == f"plane.test/prod:{needing.how.tag}"
    assert isinstance(digits, DockerPlan)
    assert digits.repository == "registry.example.com/digits"


def test_a_named_dockerfile_must_be_there(repository: Repository, tmp_path: Path) -> None:
    repository.write(FILES)
    other = tmp_path / "Other"

    assert "there is no Dockerfile" in refusal(repository, dockerfiles={"Digits & more": other})
    other.write_text("FROM scratch\n", encoding="utf-8")
    how = repository.plan(dockerfiles={"Digits & more": other}).builds[1].how
    assert isinstance(how, DockerPlan)
    assert how.dockerfile == other


def test_without_a_dockerfile_one_is_generated(repository: Repository) -> None:
    repository.write(FILES)
    (repository.root / "digits" / "Dockerfile").unlink()
    assert "no pyproject.toml, setup.py or requirements.txt" in refusal(repository)

    repository.write({"digits/requirements.txt": "dagster\ndagster-cloud\n"})
    digits = repository.plan().builds[1]

    assert isinstance(digits.how, DockerPlan)
    assert digits.how.dockerfile is None
    assert "-r requirements.txt" in (digits.how.generated or "")
    assert "one is generated" in digits.reason


def test_a_project_of_dg_is_built_from_the_workspace_of_uv_around_it(
    repository: Repository,
) -> None:
    table = '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "m"\n'
    repository.write(
        {
            "pyproject.toml": "[tool.uv.workspace]\nmembers = ['x/*']\n",
            "x/anchor/pyproject.toml": f'[project]\nname = "anchor"\n{table}',
            "x/anchor/build.yaml": "registry: registry.example.com/anchor\n",
            "x/buoy/pyproject.toml": f'[project]\nname = "buoy"\n{table}',
        }
    )

    anchor, buoy = repository.plan().builds

    assert isinstance(anchor.how, DockerPlan)
    assert (anchor.folder, anchor.directory) == (".", repository.root.resolve())
    assert 'WORKDIR "/opt/dagster/app/x/anchor"\n' in (anchor.how.generated or "")
    assert isinstance(buoy.how, PexPlan)
    assert buoy.folder == "x/buoy"

    repository.write({"x/anchor/Dockerfile": "FROM scratch\n"})
    anchor, _ = repository.plan().builds

    assert isinstance(anchor.how, DockerPlan)
    assert anchor.how.dockerfile == repository.root.resolve() / "x/anchor/Dockerfile"


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({}, OWN_VERSION),
        ({".python-version": "3.12.4\n"}, "3.12"),
        ({"weather/.python-version": "3.13\n", ".python-version": "3.12\n"}, "3.13"),
        ({"weather/pyproject.toml": '[project]\nname = "w"\nrequires-python = "==3.10.*"'}, "3.10"),
    ],
    ids=str,
)
def test_the_files_say_which_python(
    repository: Repository, files: dict[str, str], version: str
) -> None:
    repository.write({**FILES, **files})
    commit_all(repository.root)

    how = repository.plan().builds[0].how

    assert isinstance(how, PexPlan)
    assert how.python_version == version


def test_a_python_that_the_project_does_not_allow_is_refused(repository: Repository) -> None:
    repository.write(
        {**FILES, "weather/pyproject.toml": '[project]\nname = "w"\nrequires-python = "<3.13"'}
    )

    said = refusal(repository, python="3.13")

    assert "--python is 3.13, and requires-python is '<3.13' in 'weather'" in said


def test_a_folder_without_locations_is_refused(repository: Repository) -> None:
    repository.write({"readme.md": "nothing"})

    assert "There is no code location in 'repository'" in refusal(repository)


@pytest.mark.parametrize(
    ("remote", "page"),
    [
        ("git@github.com:acme/data.git", "https://github.com/acme/data/tree/abc"),
        ("https://me:secret@github.com/acme/data", "https://github.com/acme/data/tree/abc"),
        ("ssh://git@gitlab.example.com:22/a/b.git", "https://gitlab.example.com/a/b/-/tree/abc"),
        ("../elsewhere", None),
        ("https://git.example.com/a/b", None),
    ],
)
def test_a_commits_page_has_no_secret(remote: str, page: str | None) -> None:
    assert commit_page(remote, "abc") == page
