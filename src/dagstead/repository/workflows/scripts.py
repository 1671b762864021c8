"""The shell scripts of generated files. They have no expressions of CI in them.

A script takes what it needs from variables and from ``Choice``: locations that were known when the
file was made, a file that an earlier step has written, or the entry of a matrix.

The file has a line ``kind|name|directory|registry|slug`` for each chosen location.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from textwrap import dedent, indent

from dagstead.model.location import Kind
from dagstead.repository.ci.pins import CLI, PEX_TOOLS, SETUPTOOLS
from dagstead.repository.files.before_build import Preparation
from dagstead.repository.workflows.options import Options
from dagstead.repository.workflows.plan import IMAGE, PlannedLocation, PlannedSession
from dagstead.repository.workflows.routing_program import routing_program

#: A location that no agent takes would be waited for during an hour.
LOAD_SECONDS = 900

RENDERED = ".dagster_cloud.rendered.yaml"

#: The Python of the official action's command line, which its first step leaves to later ones.
ACTION_PYTHON = '"$DAGSTER_CLOUD_PEX"'
#: Has a script call that command line by its name.
ACTION_COMMAND_LINE = (
    f'dagster-cloud() {{ {ACTION_PYTHON} -m dagster_cloud_cli.entrypoint "$@"; }}\n'
)


class Choice(Enum):
    """Where a script gets the names of its locations."""

    #: They are written in it.
    WRITTEN = "written"
    #: From the file that ``$PLAN`` names.
    FILE = "file"
    #: From ``$LOCATION`` and the other variables of a matrix.
    MATRIX = "matrix"


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What a script finds around it: the variables of one CI."""

    #: What the command line reports about the commit.
    git_arguments: tuple[str, ...]
    #: The repository, as a word of the shell; dependencies that were built for it are shared.
    repository: str
    #: A test that holds in a pull request.
    is_change: str
    #: A test that holds when a person has started it.
    is_manual: str


def install(kinds: Iterable[Kind], *, setuptools: bool = False) -> str:
    """Install the official command line, and what it calls.

    ``setuptools`` adds what the Python of PEX files needs to run a ``setup.py``.
    """
    more = (SETUPTOOLS,) if setuptools else ()
    packages = (CLI, *((*PEX_TOOLS, *more) if Kind.SERVERLESS in kinds else ()))
    return _pip(packages)


def install_setuptools() -> str:
    """Install what the Python of PEX files needs to run a ``setup.py``."""
    return _pip((SETUPTOOLS,))


def _pip(packages: Iterable[str]) -> str:
    return "python -m pip install --disable-pip-version-check " + " ".join(packages)


def prepare(preparation: Preparation) -> str:
    """Run the commands of a preparation in their folder, each in a shell of its own."""
    folder = _q(preparation.folder)
    return "\n".join(f"(cd {folder} && sh -c {_q(each)})" for each in preparation.commands)


def render(session: PlannedSession) -> str:
    """Merge ``defaults:`` and fill in templates: ``ci init`` would read the file as it is."""
    return (
        f"dagster-cloud ci template --project-dir {_q(session.project_dir)} \\\n"
        f"  --dagster-cloud-yaml-path {_q(session.file)} > {_q(_rendered_path(session))}"
    )


def file_of(session: PlannedSession) -> str:
    """The file to deploy from, relative to the session's folder."""
    return RENDERED if session.rendered else session.file


def init(session: PlannedSession, options: Options, choice: Choice, around: Surroundings) -> str:
    """Begin the session; in a pull request this makes its branch deployment."""
    # Without the flag, a branch deployment that cannot be made is a deploy to the full one.
    guard = (
        "branch=--no-require-branch-deployment\n"
        f"if {around.is_change}; then branch=--require-branch-deployment; fi\n"
    )
    project_dir, file = _q(session.project_dir), _q(file_of(session))
    if choice is Choice.MATRIX:
        project_dir, file = '"$PROJECT_DIR"', '"$LOCATIONS_FILE"'
    words = [
        f"--project-dir {project_dir}",
        f"--dagster-cloud-yaml-path {file}",
        f"--deployment {_q(options.deployment)}",
        *_names(session.targets, choice),
        '"$branch"',
        *around.git_arguments,
    ]
    return guard + _all_names(session, choice) + _command("dagster-cloud ci init", words)


def build(session: PlannedSession, options: Options, choice: Choice, around: Surroundings) -> str:
    """Build the serverless locations as PEX files, and upload these."""
    cache = (
        "# Dependencies are built once for the same requirements; started by hand, anew.\n"
        f"cache={around.repository}\n"
        f"if {around.is_manual}; then cache=; fi\n"
    )
    words = [
        *_names(session.of_kind(Kind.SERVERLESS), choice),
        "--build-strategy python-executable",
        f"--python-version {_q(options.python)}",
        '--pex-deps-cache-from "$cache"',
        f"--pex-deps-cache-to {around.repository}",
    ]
    command = _command("dagster-cloud ci build", words)
    return cache + _names_of_kind(choice, Kind.SERVERLESS) + command


def build_images(session: PlannedSession, options: Options, choice: Choice) -> str:
    """Build the serverless locations that are images, and push these to the control plane."""
    script = "\n".join(
        (
            "build_image() {",
            '  local file="$2/Dockerfile" arguments=()',
            '  if [ -f "$file" ]; then arguments=(--dockerfile-path "$file"); fi',
            '  dagster-cloud ci build --location-name "$1" --build-strategy docker \\',
            f'    --python-version {_q(options.python)} "${{arguments[@]}}"',
            "}",
            "",
        )
    )
    return script + _for_each(session.images, choice, IMAGE, "build_image")


def push_images(session: PlannedSession, choice: Choice, around: Surroundings) -> str:
    """Build every image, push it under a tag of its own, and record it in the session.

    A pull request only reads the layer cache.
    """
    script = "\n".join(
        (
            "push_image() {",
            '  local image="$3:$4-$IMAGE_TAG" cache="type=registry,ref=$3:buildcache-$4"',
            '  local arguments=(--cache-from "$cache")',
            f'  if ! {around.is_change}; then arguments+=(--cache-to "$cache,mode=max"); fi',
            '  docker buildx build --push --tag "$image" "${arguments[@]}" "$2"',
            '  dagster-cloud ci set-build-output --location-name "$1" --image-tag "$4-$IMAGE_TAG"',
            "}",
            "",
        )
    )
    return script + _for_each(session.of_kind(Kind.HYBRID), choice, Kind.HYBRID, "push_image")


def record_images(session: PlannedSession, choice: Choice, *, tag: str) -> str:
    """Record images in the session that another job has pushed; their tags end in ``tag``."""
    script = (
        "record_image() {\n"
        '  dagster-cloud ci set-build-output --location-name "$1" \\\n'
        f'    --image-tag "$4-{tag}"\n'
        "}\n"
    )
    return script + _for_each(session.of_kind(Kind.HYBRID), choice, Kind.HYBRID, "record_image")


def deploy(session: PlannedSession, choice: Choice) -> str:
    """Deploy what was built, all at once."""
    built = [each for each in session.targets if each.kind is not Kind.PREBUILT]
    words = [f"--location-load-timeout {LOAD_SECONDS}"]
    if choice is Choice.FILE or len(built) < len(session.targets):
        words = [*_names(built, choice), *words]
    if choice is Choice.MATRIX:
        words = [*_names((), choice), *words[-1:]]
    command = _command("dagster-cloud ci deploy", words)
    if choice is Choice.FILE:
        images = (IMAGE,) if session.images else ()
        return _names_of_kind(choice, Kind.SERVERLESS, *images, Kind.HYBRID) + command
    return command


def add_prebuilt(session: PlannedSession, choice: Choice) -> str:
    """Deploy locations that have nothing to build, which a session does not do."""
    file = _q(posixpath.normpath(posixpath.join(session.project_dir, file_of(session))))
    if choice is Choice.MATRIX:
        file = '"$PROJECT_DIR/$LOCATIONS_FILE"'
    script = "\n".join(
        (
            "state=$(dagster-cloud ci status)",
            "DAGSTER_CLOUD_DEPLOYMENT=$(python -c '",
            "import json, sys",
            'print(json.JSONDecoder().raw_decode(sys.argv[1])[0]["deployment_name"])',
            '\' "$state")',
            "export DAGSTER_CLOUD_DEPLOYMENT",
            "add_location() {",
            '  dagster-cloud workspace add-location "$1" \\',
            f"    --location-file {file} --location-load-timeout {LOAD_SECONDS}",
            "}",
            "",
        )
    )
    return script + _for_each(session.of_kind(Kind.PREBUILT), choice, Kind.PREBUILT, "add_location")


def close_branch_deployment() -> str:
    """Close the branch deployment of this pull request."""
    return dedent(
        """\
        # With an organization set, this command calls dagster.cloud and not DAGSTER_CLOUD_URL.
        if [ -n "$DAGSTER_CLOUD_URL" ]; then unset DAGSTER_CLOUD_ORGANIZATION; fi
        dagster-cloud ci branch-deployment --mark-closed ."""
    )


def refuse_full_deployment() -> str:
    """End with an error when the session is not one of a branch deployment."""
    message = (
        "::error::No branch deployment was made, so this would go to the full one. "
        "Let the token make them: dagstead token create --branch-deployments"
    )
    return "\n".join(
        (
            "status=$(dagster-cloud ci status)",
            """if ! grep -Eq '"is_branch_deployment": *true' <<< "$status"; then""",
            f"  echo {_q(message)}",
            "  exit 1",
            "fi",
        )
    )


def choose_changed(session: PlannedSession, files: Iterable[str], workflow: str) -> str:
    """Write the plan: locations with a watched file that has changed."""
    lines = [
        f"if changed {' '.join(map(_pathspec, (*each.watched, *files)))}; then\n"
        f"  printf '%s\\n' {_q(plan_line(each))} >> \"$PLAN\"\nfi"
        for each in session.targets
    ]
    start = dedent(
        f"""\
        # Compared with the last commit that was deployed, not with the last push: a push whose
        # workflow failed, or was replaced by the next while it waited, is made up for.
        base=
        case "$GITHUB_EVENT_NAME" in
          pull_request) base=$(git merge-base "$BASE_COMMIT" HEAD) ;;
          push)
            base=$(gh run list --workflow {_q(workflow)} --branch "$GITHUB_REF_NAME" \\
              --event push --status success --limit 1 --json headSha --jq '.[].headSha')
            ;;
        esac
        if [ -n "$base" ] && ! git cat-file -e "$base^{{commit}}" 2> /dev/null; then base=; fi
        changed() {{ [ -z "$base" ] || ! git diff --quiet "$base" HEAD -- "$@"; }}
        : > "$PLAN"
        """
    )
    return start + "\n".join(lines) + "\n" + _tell(session)


def pass_names() -> str:
    """Pass the names of the plan to later steps as a list in JSON, of locations without quotes."""
    names = """names=$(cut -d '|' -f 2 "$PLAN" | sed 's/.*/"&"/' | paste -sd ,)"""
    return f'\n{names}\necho "locations=[$names]" >> "$GITHUB_OUTPUT"'


def route(session: PlannedSession, python: str) -> str:
    """Write the plan: read the configuration and decide how each location is built.

    ``python`` is a word of the shell: a Python that has PyYAML.
    """
    path = posixpath.normpath(posixpath.join(session.project_dir, file_of(session)))
    program = routing_program(each.name for each in session.images)
    return f"{python} - {_q(path)} > \"$PLAN\" <<'EOF'\n{program}EOF\n{_tell(session)}"


def route_to_file(session: PlannedSession, plan: str) -> str:
    """The same without GitHub's outputs."""
    path = posixpath.normpath(posixpath.join(session.project_dir, file_of(session)))
    program = routing_program(each.name for each in session.images)
    return f"python - {_q(path)} > {_q(plan)} <<'EOF'\n{program}EOF\ncat {_q(plan)}"


def plan_line(target: PlannedLocation) -> str:
    """A location in the form of the plan file."""
    return f"{target.way}|{target.name}|{target.directory}|{target.registry}|{target.slug}"


def _tell(session: PlannedSession) -> str:
    """Pass to later steps whether there are locations of every kind."""
    images = f" {IMAGE}" if session.images else ""
    return dedent(
        f"""\
        cat "$PLAN"
        for kind in serverless{images} hybrid prebuilt; do
          if grep -q "^$kind|" "$PLAN"; then echo "$kind=true" >> "$GITHUB_OUTPUT"; fi
        done
        if [ -s "$PLAN" ]; then echo "any=true" >> "$GITHUB_OUTPUT"; fi"""
    )


def _names(targets: Iterable[PlannedLocation], choice: Choice) -> list[str]:
    match choice:
        case Choice.WRITTEN:
            return [f"--location-name {_q(each.name)}" for each in targets]
        case Choice.FILE:
            return ['"${names[@]/#/--location-name=}"']
        case Choice.MATRIX:
            return ['--location-name "$LOCATION"']


def _all_names(session: PlannedSession, choice: Choice) -> str:
    images = (IMAGE,) if session.images else ()
    return _names_of_kind(choice, Kind.SERVERLESS, *images, Kind.HYBRID, Kind.PREBUILT)


def _names_of_kind(choice: Choice, *kinds: str) -> str:
    if choice is not Choice.FILE:
        return ""
    pattern = "|".join(kinds)
    return f"mapfile -t names < <(grep -E '^({pattern})[|]' \"$PLAN\" | cut -d '|' -f 2)\n"


def _for_each(targets: Iterable[PlannedLocation], choice: Choice, kind: str, function: str) -> str:
    match choice:
        case Choice.WRITTEN:
            return "\n".join(
                f"{function} {_q(each.name)}"
                + (
                    f" {_q(each.directory)} {_q(each.registry)} {each.slug}"
                    if each.registry or each.is_image
                    else ""
                )
                for each in targets
            )
        case Choice.MATRIX:
            return f'{function} "$LOCATION" "$DIRECTORY" "$REGISTRY" "$SLUG"'
        case Choice.FILE:
            body = (
                f'if [ "$kind" = {kind} ]; then\n'
                f'  {function} "$name" "$directory" "$registry" "$slug"\nfi'
            )
            return (
                "while IFS='|' read -r -u 3 kind name directory registry slug; do\n"
                f'{indent(body, "  ")}\ndone 3< "$PLAN"'
            )


def _command(start: str, words: Sequence[str]) -> str:
    return " \\\n  ".join((start, *words))


def _pathspec(path: str) -> str:
    # The top of the repository, whatever the folder, and no character is a pattern.
    return _q("." if path == "." else f":(top,literal){path}")


def _rendered_path(session: PlannedSession) -> str:
    return posixpath.normpath(posixpath.join(session.project_dir, RENDERED))


def _q(text: str) -> str:
    return shlex.quote(text)
