"""What a location is made from beside its dependencies, and the chain that is shown."""

from __future__ import annotations

import posixpath
from pathlib import Path

import pytest

from dagstead.errors import InvalidInputError
from dagstead.repository.files import TemplateValues
from tests.unit.repository.changes.git_repositories import HOME, Repository, cloud, hybrid, lines

IMAGE = {"dagster_cloud.yaml": hybrid(etl="etl"), "etl/x.py": "", "etl/docs/a.md": ""}


def test_a_comment_or_another_order_in_the_configuration_touches_nothing(tmp_path: Path) -> None:
    repository = Repository.made(tmp_path, HOME)
    text = cloud(other="./other", etl="etl/").replace("locations:", "# ours\n\nlocations:")
    repository.write({"dagster_cloud.yaml": text})

    assert repository.touched() == set()


def test_an_entry_that_changed_touches_its_location_alone(tmp_path: Path) -> None:
    repository = Repository.made(tmp_path, HOME)
    text = "# ours\n" + cloud(etl="etl", other="other") + "    agent_queue: fast\n"
    repository.write({"dagster_cloud.yaml": text})

    assert lines(repository) == ["other: dagster_cloud.yaml:9 agent_queue changed"]


def test_changed_defaults_touch_those_that_they_reach(tmp_path: Path) -> None:
    text = cloud(etl="etl") + "    agent_queue: own\n" + cloud(other="other").partition("\n")[2]
    repository = Repository.made(tmp_path, {**HOME, "dagster_cloud.yaml": text})
    repository.write({"dagster_cloud.yaml": "defaults: {agent_queue: fast}\n" + text})

    assert lines(repository) == ["other: dagster_cloud.yaml:1 agent_queue changed"]


def test_an_entry_that_moved_to_another_file_is_the_same(tmp_path: Path) -> None:
    repository = Repository.made(tmp_path, HOME)
    repository.write(
        {
            "dagster_cloud.yaml": cloud(other="other"),
            "etl/dagster_cloud.yaml": cloud(etl="."),
        }
    )

    assert repository.touched() == set()


def test_values_are_not_reported(tmp_path: Path) -> None:
    context = "    container_context: {k8s: {env_vars: [TOKEN=hidden%s]}}\n"
    repository = Repository.made(tmp_path, {"dagster_cloud.yaml": cloud(etl="etl") + context % 1})
    repository.write({"dagster_cloud.yaml": cloud(etl="etl") + context % 2})

    (line,) = lines(repository)

    assert line == "etl: dagster_cloud.yaml:5 container_context.k8s.env_vars changed"


def test_what_docker_ignores_is_no_part_of_an_image(tmp_path: Path) -> None:
    repository = Repository.made(
        tmp_path,
        {
            **IMAGE,
            "etl/Dockerfile": "FROM python\nCOPY . .\n",
            "etl/.dockerignore": "docs\n**/*.log\n!docs/keep.md\n",
        },
    )
    repository.write({"etl/docs/a.md": "1", "etl/deep/er.log": ""})
    assert repository.touched() == set()
    assert repository.changes().elsewhere == ()

    repository.write({"etl/docs/keep.md": "", "etl/.dockerignore": "docs\n!docs/keep.md\n**/*.log"})
    assert lines(repository) == [
        "etl: etl/.dockerignore <- dagster_cloud.yaml:4 build.directory etl",
        "etl: etl/docs/keep.md (untracked) <- dagster_cloud.yaml:4 build.directory etl",
    ]


def test_a_serverless_location_is_made_from_what_docker_would_ignore(tmp_path: Path) -> None:
    files = {**HOME, "etl/Dockerfile": "FROM python\n", "etl/.dockerignore": "docs\n"}
    repository = Repository.made(tmp_path, files)
    repository.write({"etl/docs/a.md": "1"})

    assert repository.touched() == {"etl"}


def test_copies_begin_at_the_folder_that_has_them(tmp_path: Path) -> None:
    repository = Repository.made(
        tmp_path,
        {
            **IMAGE,
            "etl/Dockerfile": """\
                FROM base AS one
                COPY --chown=1:1 lib \\
                  # between
                  uv.lock /app/
                COPY --from=one /lib2 /lib2
                ADD https://example.com/x /x
                RUN --mount=type=bind,source=bound,target=/b cat <<EOF
                COPY none /
                EOF
                COPY ["with space", "/"]
                COPY dbt/*.sql /
                COPY --from=python /none /
                """,
            "lib/x.py": "",
            "uv.lock": "",
            "bound/x": "",
            "with space/x": "",
            "dbt/x.sql": "",
        },
    )
    repository.write({"lib2/x": "", "none": ""})
    assert repository.touched() == set()

    repository.write({"lib/x.py": "1", "uv.lock": "1", "bound/x": "1", "with space/x": "1"})
    repository.write({"dbt/x.sql": "1"})
    assert [each.partition(" <- ")[::2] for each in lines(repository)] == [
        ("etl: lib/x.py", "etl/Dockerfile:2 COPY lib"),
        ("etl: uv.lock", "etl/Dockerfile:2 COPY uv.lock"),
        ("etl: bound/x", "etl/Dockerfile:7 RUN --mount bound"),
        ("etl: with space/x", "etl/Dockerfile:10 COPY with space"),
        ("etl: dbt/x.sql", "etl/Dockerfile:11 COPY dbt/*.sql"),
    ]


def workflow(*steps: str) -> str:
    listed = "".join(f"      - {each}\n" for each in steps)
    return f"on: push\njobs:\n  x:\n    runs-on: ubuntu-24.04\n    steps:\n{listed}"


@pytest.mark.parametrize(
    "step",
    [
        "{uses: docker/build-push-action@v6, with: {context: ., file: etl/Dockerfile}}",
        "{uses: docker/build-push-action@v6, with: {file: ./etl/Dockerfile}}",
        "{run: 'docker build -t x:1 --file etl/Dockerfile .'}",
        "{run: 'docker buildx build --push --file=etl/Dockerfile . && x'}",
        "{run: 'cd etl; docker build -t x -f Dockerfile ..'}",
        "{run: 'docker build -f Dockerfile ..', working-directory: etl}",
        "{run: 'docker build -f $DIR/Dockerfile .', env: {DIR: etl}}",
    ],
)
def test_a_workflow_says_the_build_context(step: str, tmp_path: Path) -> None:
    repository = Repository.made(
        tmp_path,
        {
            **IMAGE,
            "etl/Dockerfile": "FROM python\nCOPY . /\n",
            ".dockerignore": "docs\n",
            ".github/workflows/deploy.yml": workflow(
                "{run: dagster-cloud ci init}", "{run: dagster-cloud ci deploy}", step
            ),
        },
    )
    repository.write({"dbt/x.sql": "", "docs/a.md": ""})

    assert lines(repository) == ["etl: dbt/x.sql (untracked) <- etl/Dockerfile:2 COPY ."]


def test_what_belongs_to_no_location_is_reported(tmp_path: Path) -> None:
    repository = Repository.made(tmp_path, HOME)
    repository.write(
        {
            "dbt/x.sql": "",
            "etl/x.py": "1",
            "dagster_cloud.yaml": "# new\n" + HOME["dagster_cloud.yaml"],
        }
    )

    assert [each.path for each in repository.changes().elsewhere] == ["dbt/x.sql"]


def test_a_template_is_compared_by_what_it_becomes(tmp_path: Path) -> None:
    text = cloud(etl="etl") + "    agent_queue: {{ queue }}\n    {% include 'more.yaml' %}\n"
    files = {"dagster_cloud.yaml": text, "more.yaml": "attribute: a\n"}
    repository = Repository.made(tmp_path, files)
    values = TemplateValues(variables={"queue": "q"}, environment={})
    repository.write({"dagster_cloud.yaml": "# {{ queue }}\n" + text})

    with pytest.raises(InvalidInputError, match="dagster_cloud.yaml cannot be read"):
        repository.changes()
    assert repository.touched(template_values=values) == set()
    repository.write({"more.yaml": "attribute: b\n"})
    assert repository.touched(template_values=values) == {"etl"}


def test_a_dockerfile_above_the_folder_counts(tmp_path: Path) -> None:
    files = {**IMAGE, "Dockerfile": "FROM python\nCOPY lib /lib\n", "lib/x.py": ""}
    repository = Repository.made(tmp_path, files)

    repository.write({"Dockerfile": "FROM python\n"})
    assert lines(repository) == ["etl: Dockerfile <- Dockerfile (nearest above etl)"]
    repository.write({"Dockerfile": files["Dockerfile"], "lib/x.py": "1"})
    assert lines(repository) == ["etl: lib/x.py <- Dockerfile:2 COPY lib"]
    repository.write({"lib/x.py": "", "Dockerfile": None})
    assert repository.touched() == {"etl"}


def test_links_lead_to_what_they_mean(tmp_path: Path) -> None:
    repository = Repository.made(tmp_path, {**HOME, "lib/x.py": "", "real/x.py": ""})
    (repository.root / "etl" / "lib").symlink_to("../lib")
    (repository.root / "linked").symlink_to("real")
    repository.commit({"dagster_cloud.yaml": cloud(etl="etl", other="linked")})
    assert repository.touched() == set()

    repository.write({"lib/x.py": "1"})
    assert lines(repository) == ["etl: lib/x.py <- etl/lib (a link to ../lib)"]
    repository.commit({"real/x.py": "1"})
    assert repository.touched("HEAD~1", committed=True) == {"etl", "other"}


def test_a_workflow_touches_what_it_builds(tmp_path: Path) -> None:
    workflows = ".github/workflows"
    init, build = "{run: dagster-cloud ci init}", "run: dagster-cloud ci build"
    called = workflow(init, f"{build} --location-name ${{{{ inputs.name }}}}")
    inputs = "on: {workflow_call: {inputs: {name: {type: string}}}}"
    files = {
        **HOME,
        f"{workflows}/all.yml": workflow(init, f"{{{build}}}"),
        f"{workflows}/one.yml": workflow(init, f"{{{build} --location-name etl}}"),
        f"{workflows}/tests.yml": workflow("{run: pytest}"),
        f"{workflows}/status.yml": workflow("{run: dagster-cloud ci status}"),
        f"{workflows}/opaque.yml": workflow("{run: make deploy, env: {DAGSTER_CLOUD_URL: x}}"),
        f"{workflows}/called.yml": called.replace("on: push", inputs),
        f"{workflows}/caller.yml": (
            f"on: push\njobs:\n  x:\n    uses: ./{workflows}/called.yml\n    with: {{name: etl}}\n"
        ),
        f"{workflows}/local.yml": workflow(init, "{uses: ./.github/actions/build}"),
        ".github/actions/build/action.yml": (
            f"runs: {{using: composite, steps: [{{{build} --location-name other}}]}}\n"
        ),
    }
    repository = Repository.made(tmp_path, files)

    for name, touched in {
        "all": {"etl", "other"},
        "one": {"etl"},
        "tests": set[str](),
        "status": set[str](),
        "opaque": {"etl", "other"},
        # Its caller says which.
        "called": {"etl"},
        "caller": {"etl"},
        "local": {"other"},
        "../actions/build/action": {"other"},
    }.items():
        path = posixpath.normpath(f"{workflows}/{name}.yml")
        repository.write({path: f"# new\n{files[path]}"})
        assert repository.touched() == touched, name
        repository.write({path: files[path]})


def test_a_prebuilt_image_of_unknown_origin_counts_and_a_pinned_one_does_not(
    tmp_path: Path,
) -> None:
    entry = "  - location_name: {0}\n    image: registry.example.com/x{1}\n"
    text = "locations:\n" + entry.format("moving", ":latest")
    text += entry.format("pinned", "@sha256:" + "0" * 64)
    repository = Repository.made(tmp_path, {"dagster_cloud.yaml": text})
    repository.write({"x.py": ""})

    (line,) = lines(repository)
    assert line == (
        "moving: x.py (untracked) <- dagster_cloud.yaml:2 is in its folder"
        " (from what it is built is not written)"
    )


def test_a_watch_can_take_paths_out(tmp_path: Path) -> None:
    declared = '[tool.dagstead]\nwatch = ["!docs/", "docs/keep.md", "/top/*.sql"]\n'
    repository = Repository.made(tmp_path, {**HOME, "etl/pyproject.toml": declared})

    repository.write({"etl/docs/a.md": ""})
    assert repository.touched() == set()
    repository.write({"etl/docs/keep.md": ""})
    assert repository.touched() == {"etl"}
    repository.write({"etl/docs/keep.md": None, "top/x.sql": ""})
    assert repository.touched() == {"etl"}
    assert repository.touched(watch={"etl": ["!top/**"]}) == set()
    assert repository.touched(watch={"other": ["top"]}) == {"etl", "other"}


def test_a_location_from_outside_of_the_repository_is_reported(tmp_path: Path) -> None:
    repository = Repository.made(tmp_path / "r", {"dagster_cloud.yaml": cloud(far="../far")})
    repository.write({"x": ""})

    changes = repository.changes()

    assert changes.touched == ()
    assert "far is built from '../far', outside of the repository" in changes.remarks[0]


def test_what_ci_named_at_the_base_was_deployed_then(tmp_path: Path) -> None:
    def workflow(folder: str) -> str:
        step = f"      - run: dagster-cloud ci init --project-dir {folder}\n"
        return f"on: push\njobs:\n  d:\n    runs-on: x\n    steps:\n{step}"

    entry = "locations:\n  - location_name: {0}\n    code_source: {{module_name: {0}}}\n"
    files = {
        "dagster_cloud.yaml": entry.format("pier"),
        "crane/dagster_cloud.yaml": entry.format("crane"),
        ".github/workflows/ship.yml": workflow("."),
    }
    repository = Repository.made(tmp_path / "r", files)
    repository.write({".github/workflows/ship.yml": workflow("crane")})

    changes = repository.changes()

    assert {each.location.name.value for each in changes.touched} == {"crane"}
    assert [each.name for each in changes.gone] == ["pier"]

    repository.commit()
    assert repository.touched("HEAD~1", committed=True) == {"crane"}
    assert repository.touched() == set()
