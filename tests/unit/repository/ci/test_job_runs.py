"""What a step is taken to do: official actions, command lines, conditions, matrices."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagstead.repository.ci.acts import ActKind, BuildMethod
from dagstead.repository.ci.model import Event
from tests.unit.repository.ci.followed import action, acts


@pytest.mark.parametrize(
    ("step", "does", "names", "strategy", "file"),
    [
        (action("utils/prerun"), ActKind.NOTIFY, (), None, None),
        (action("utils/ci-init", project_dir="."), ActKind.BEGIN, (), None, "dagster_cloud.yaml"),
        (
            action(
                "utils/ci-init",
                project_dir="./apps",
                dagster_cloud_yaml_path="sub/x.yaml",
                location_names='\'["etl", "train"]\'',
            ),
            ActKind.BEGIN,
            ("etl", "train"),
            None,
            "apps/sub/x.yaml",
        ),
        (action("utils/dg-deploy-init", project_dir="apps"), ActKind.BEGIN, (), None, "apps"),
        (
            action("utils/dagster-cloud-cli", command="ci build --location-name=etl"),
            ActKind.BUILD,
            ("etl",),
            BuildMethod.SERVERLESS_IMAGE,
            None,
        ),
        (
            action("utils/dg-cli", command="plus deploy build-and-push --agent-type=hybrid"),
            ActKind.BUILD,
            (),
            BuildMethod.IMAGE,
            ".",
        ),
        (
            action("build_deploy_python_executable", dagster_cloud_file="dagster_cloud.yaml"),
            ActKind.BUILD_AND_DEPLOY,
            (),
            BuildMethod.PEX,
            "dagster_cloud.yaml",
        ),
        (
            action("serverless_prod_deploy", location='\'{"name": "etl"}\''),
            ActKind.BUILD_AND_DEPLOY,
            ("etl",),
            BuildMethod.SERVERLESS_IMAGE,
            None,
        ),
        (
            action("hybrid_branch_deploy", location='\'{"name": "train"}\''),
            ActKind.BUILD_AND_DEPLOY,
            ("train",),
            BuildMethod.IMAGE,
            None,
        ),
        (
            action("utils/deploy", location='\'{"name": "train"}\''),
            ActKind.DEPLOY_EXISTING,
            ("train",),
            None,
            None,
        ),
        (
            action("utils/parse_workspace", dagster_cloud_file="dagster_cloud.yaml"),
            ActKind.READ,
            (),
            None,
            "dagster_cloud.yaml",
        ),
        (action("utils/get_branch_deployment"), ActKind.OPEN, (), None, None),
        (action("utils/notify"), ActKind.NOTIFY, (), None, None),
        (action("utils/run"), ActKind.NOTIFY, (), None, None),
    ],
)
def test_an_official_action_does_what_it_does(
    step: str,
    does: ActKind,
    names: tuple[str, ...],
    strategy: BuildMethod | None,
    file: str | None,
    tmp_path: Path,
) -> None:
    (act,) = acts(tmp_path, step)

    assert (act.does, act.chosen.names, act.strategy, act.file) == (does, names, strategy, file)
    assert act.chosen.everything is not bool(names)


@pytest.mark.parametrize(
    ("script", "does", "names"),
    [
        ("dagster-cloud ci init --project-dir . --location-name etl", ActKind.BEGIN, ("etl",)),
        ("uvx --from dagster-cloud-cli dagster-cloud ci deploy", ActKind.DEPLOY, ()),
        ("uv run dagster-cloud ci deploy", ActKind.DEPLOY, ()),
        ("python3.12 -m dagster_cloud_cli.entrypoint ci deploy", ActKind.DEPLOY, ()),
        ("pex dagster-cloud.pex -m dagster_cloud_cli.entrypoint ci deploy", ActKind.DEPLOY, ()),
        ("$DAGSTER_CLOUD_PEX -m dagster_cloud_cli.entrypoint ci deploy", ActKind.DEPLOY, ()),
        ("if true; then sudo dagster-cloud ci deploy; fi", ActKind.DEPLOY, ()),
        ("x=$(dagster-cloud ci deploy)", ActKind.DEPLOY, ()),
        (
            "dagster-cloud serverless deploy-python-executable . --location-name=etl",
            ActKind.BUILD_AND_DEPLOY,
            ("etl",),
        ),
        (
            "dagster-cloud workspace add-location train --image x",
            ActKind.DEPLOY_EXISTING,
            ("train",),
        ),
        ("dagster-cloud workspace sync -w dagster_cloud.yaml", ActKind.DEPLOY_EXISTING, ()),
        ("dagster-cloud ci branch-deployment --mark-closed .", ActKind.CLOSE, ()),
        ("dg plus deploy --location-name etl", ActKind.BUILD_AND_DEPLOY, ("etl",)),
        ("dg plus deploy start --yes", ActKind.BEGIN, ()),
        ("dg plus deploy finish", ActKind.DEPLOY, ()),
        ("dagstead deploy --location etl", ActKind.BUILD_AND_DEPLOY, ("etl",)),
        ("dagstead build", ActKind.BUILD, ()),
    ],
)
def test_a_command_is_known_however_it_is_started(
    script: str, does: ActKind, names: tuple[str, ...], tmp_path: Path
) -> None:
    (act,) = acts(tmp_path, f"run: {script}")

    assert (act.does, act.chosen.names) == (does, names)


@pytest.mark.parametrize(
    "script",
    [
        "pip install dagster-cloud",
        "echo dagster-cloud ci deploy",
        "uv pip install dagster-cloud",
        "# dagster-cloud ci deploy",
        "cat <<EOF\ndagster-cloud ci deploy\nEOF",
        "dagster-cloud ci locations-list",
    ],
)
def test_what_only_looks_like_a_command_does_nothing(script: str, tmp_path: Path) -> None:
    indented = "".join(f"\n  {line}" for line in script.split("\n"))

    assert acts(tmp_path, f"run: |{indented}") == []


@pytest.mark.parametrize(
    ("script", "names", "unknown"),
    [
        ("NAME=etl\n  dagster-cloud ci deploy --location-name $NAME", ("etl",), False),
        ("dagster-cloud ci deploy --location-name $NAME", (), True),
        ("dagster-cloud ci deploy $LOCATIONS", (), True),
        ("dagster-cloud ci deploy --location-name=${{ secrets.NAME }}", (), True),
        ("dagster-cloud ci deploy --location-name $(cat name) --location-name etl", ("etl",), True),
        ("L='--location-name etl'\n  dagster-cloud ci deploy $L", ("etl",), False),
        ("for x in $ALL; do dagster-cloud ci deploy --location-name $x; done", (), True),
        ("for x in */; do dagster-cloud ci deploy --location-name $x; done", (), True),
        ("for x in a b; dagster-cloud ci deploy --location-name $x", (), True),
        ('f() { dagster-cloud ci deploy --location-name "$1"; }\n  f etl', ("etl",), False),
    ],
)
def test_what_is_not_written_is_unknown(
    script: str, names: tuple[str, ...], *, unknown: bool, tmp_path: Path
) -> None:
    (act,) = [e for e in acts(tmp_path, f"run: |\n  {script}") if e.does is ActKind.DEPLOY]

    assert (act.chosen.names, act.chosen.unknown) == (names, unknown)


def test_a_loop_through_words_is_followed(tmp_path: Path) -> None:
    script = """
      for region in eu us; do
        for x in tides surge
        do
          dagster-cloud ci deploy --location-name "$x-$region"
        done
      done
      dagster-cloud ci deploy --location-name $region
    """

    found = [each.chosen.names for each in acts(tmp_path, f"run: |{script}")]

    assert found == [("tides-eu",), ("surge-eu",), ("tides-us",), ("surge-us",), ("us",)]


def test_a_script_that_could_do_anything_is_opaque(tmp_path: Path) -> None:
    scripts = ('eval "$x"', "make deploy", "./deploy.sh", "bash -c x", "source ./lib.sh")
    for script in scripts:
        assert [each.does for each in acts(tmp_path, f"run: {script}")] == [ActKind.OPAQUE], script
    for script in ("source .venv/bin/activate", "$PYTHON -m pip install x"):
        assert acts(tmp_path, f"run: {script}") == [], script


def test_prerun_chooses_between_pex_and_images_and_closes(tmp_path: Path) -> None:
    steps = (
        "id: prerun\n" + action("utils/prerun"),
        "if: steps.prerun.outputs.result == 'pex-deploy'\n"
        + action("build_deploy_python_executable", dagster_cloud_file="$FILE"),
        "if: steps.prerun.outputs.result == 'docker-deploy'\n"
        + action("utils/parse_workspace", dagster_cloud_file="$FILE"),
    )
    env = "env:\n  FILE: dagster_cloud.yaml\n  ENABLE_FAST_DEPLOYS: '{}'\n"

    fast = acts(tmp_path, *steps, head=env.format("true"))
    slow = acts(tmp_path, *steps, head=env.format("false"))
    closed = acts(tmp_path, *steps, head=env.format("true"), event=Event.CLOSE)

    assert [each.does for each in fast] == [ActKind.NOTIFY, ActKind.BUILD_AND_DEPLOY]
    assert [each.does for each in slow] == [ActKind.NOTIFY, ActKind.READ]
    assert [each.does for each in closed] == [ActKind.CLOSE]
    assert fast[1].file == slow[1].file == "dagster_cloud.yaml"


def test_a_session_follows_folders_and_checkouts(tmp_path: Path) -> None:
    checkout = "uses: actions/checkout@v5\nwith:\n  path: repo"
    for script, file in (
        ("dagster-cloud ci init --project-dir repo/apps", "apps/dagster_cloud.yaml"),
        ("cd repo && dagster-cloud ci init --project-dir apps", "apps/dagster_cloud.yaml"),
        ("dagster-cloud ci init --project-dir $GITHUB_WORKSPACE/repo", "dagster_cloud.yaml"),
        ("dagster-cloud ci init --project-dir ${{ github.workspace }}/repo", "dagster_cloud.yaml"),
        ("cd $SOMEWHERE; dagster-cloud ci init", None),
        ("dagster-cloud ci init --project-dir /elsewhere", None),
    ):
        assert acts(tmp_path, checkout, f"run: {script}")[0].file == file, script


def test_a_rendered_file_stands_for_its_template(tmp_path: Path) -> None:
    render = "dagster-cloud ci template --project-dir . > out.yaml"
    init = "dagster-cloud ci init --project-dir . --dagster-cloud-yaml-path out.yaml"

    _, begin = acts(tmp_path, f"run: {render}", f"run: {init}")

    assert begin.file == "dagster_cloud.yaml"


def test_a_matrix_runs_a_job_for_each_entry(tmp_path: Path) -> None:
    job = """\
    if: github.event_name == 'push'
    strategy:
      matrix:
        location: [etl, train]
        include:
          - location: train
            kind: hybrid
"""
    deploy = "run: dagster-cloud ci deploy --location-name ${{ matrix.location }}"
    hybrid = "if: matrix.kind == 'hybrid'\nrun: dagster-cloud ci build"

    found = acts(tmp_path, hybrid, deploy, job=job)

    assert [each.chosen.names for each in found if each.does is ActKind.DEPLOY] == [
        ("etl",),
        ("train",),
    ]
    assert acts(tmp_path, hybrid, deploy, job=job, event=Event.CHANGE) == []


def test_the_branch_of_a_push_is_known_where_it_is_the_only_one(tmp_path: Path) -> None:
    job = "    if: github.ref == 'refs/heads/{}'\n"
    deploy = "run: dagster-cloud ci deploy"

    assert acts(tmp_path, deploy, job=job.format("other")) == []
    assert len(acts(tmp_path, deploy, job=job.format("main"))) == 1


@pytest.mark.parametrize(
    ("tags", "images"),
    [
        ("ghcr.io/ours/etl:1", ("ghcr.io/ours/etl",)),
        ("${{ env.REGISTRY }}:${{ github.sha }}", ("localhost:5000/etl",)),
        ('"a/b:1, ghcr.io/c"', ("a/b", "ghcr.io/c")),
        ("${{ steps.meta.outputs.tags }}", None),
        ("${{ steps.login.outputs.registry }}/etl:1", None),
    ],
)
def test_a_pushed_image_is_known_without_its_tag(
    tags: str, images: tuple[str, ...] | None, tmp_path: Path
) -> None:
    push = f"uses: docker/build-push-action@v6\nwith:\n  push: true\n  tags: {tags}"
    head = "env:\n  REGISTRY: localhost:5000/etl\n"

    (act,) = acts(tmp_path, push, head=head)

    assert (act.does, act.images) == (ActKind.PUSH, images)
