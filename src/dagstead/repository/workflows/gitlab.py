"""A pipeline of GitLab CI.

An image with Python has no Docker, and one with Docker no Python. With the official command line
images are built by a job of their own, and the job that deploys takes their tags from its
artifacts. Ours builds them itself, with a Docker that is installed into the image with Python.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from dagstead.model.location import Kind
from dagstead.repository.files.yaml_text import CommentedValue, Yaml
from dagstead.repository.workflows import scripts
from dagstead.repository.workflows.expressions import written
from dagstead.repository.workflows.github_steps import registry_hosts, secret_prefix
from dagstead.repository.workflows.options import DeployTool, Options, Pattern
from dagstead.repository.workflows.own_steps import own_deploy, own_install
from dagstead.repository.workflows.plan import (
    IMAGE,
    PlannedSession,
    WorkflowPlan,
    needs_setuptools,
    preparations,
)
from dagstead.repository.workflows.scripts import Choice, Surroundings

_GITLAB_HOST = "registry.gitlab.com"
_DOCKER = "docker:28"
_CERTIFICATES = "/certs"
#: The first release of Debian that has buildx.
_DEBIAN = "trixie"
_INSTALL_DOCKER = (
    "apt-get update",
    "apt-get install --yes --no-install-recommends docker-buildx docker-cli",
)
#: Where Docker is reached with certificates, a builder is made only for a context that has them.
_BUILDER = ("docker context create dind", "docker buildx create --use dind")
_TAGS = "dagster-tags"

_CHANGE = '$CI_PIPELINE_SOURCE == "merge_request_event"'
_AROUND = Surroundings(
    git_arguments=(
        '--git-url "$CI_PROJECT_URL/-/tree/$CI_COMMIT_SHA"',
        '--commit-hash "$CI_COMMIT_SHA"',
        '--status-url "$CI_JOB_URL"',
    ),
    repository='"$CI_PROJECT_PATH"',
    is_change='[ "$CI_PIPELINE_SOURCE" = merge_request_event ]',
    is_manual='[ "$CI_PIPELINE_SOURCE" = web ]',
)
#: The shell of Docker's image is not bash.
_PUSH_IMAGE = """\
push_image() {
  image="$2:$3-$IMAGE_TAG-$CI_JOB_ID"
  cache="type=registry,ref=$2:buildcache-$3"
  set -- "$1" "$image" --cache-from "$cache"
  if [ "$CI_PIPELINE_SOURCE" != merge_request_event ]; then
    set -- "$@" --cache-to "$cache,mode=max"
  fi
  directory=$1; shift 2
  docker buildx build --push --tag "$image" "$@" "$directory"
}
"""


def gitlab_pipeline(plan: WorkflowPlan, options: Options) -> dict[str, Yaml]:
    """The document of ``.gitlab-ci.yml``."""
    if options.tool is DeployTool.DAGSTEAD:
        return written(_own_pipeline(plan, options))
    routed = options.pattern is Pattern.ROUTED
    has_images = routed or any(session.of_kind(Kind.HYBRID) for session in plan.sessions)
    document: dict[str, Yaml] = {
        "stages": [*(["plan"] if routed else []), *(["images"] if has_images else []), "deploy"],
        "variables": {
            "DAGSTER_CLOUD_ORGANIZATION": "dagstead",
            "IMAGE_TAG": "$CI_COMMIT_SHA-$CI_PIPELINE_ID",
        },
    }
    python = f"python:{options.python}"
    if routed:
        document["dagster-plan"] = _plan_job(plan, options, python)
    if has_images:
        document["dagster-images"] = _images_job(plan, options)
    job = _deploy_job(plan, options, has_images=has_images)
    document["dagster-deploy-branch"] = _for_branch(job)
    document["dagster-deploy"] = _for_main(job, options)
    close: list[Yaml] = [scripts.install(()), scripts.close_branch_deployment()]
    document["dagster-close-branch"] = _close_job(python, close)
    return written(document)


def _own_pipeline(plan: WorkflowPlan, options: Options) -> dict[str, Yaml]:
    python = f"python:{options.python}-{_DEBIAN}"
    words = ("--python", _q(options.python))
    branch = own_deploy(options, plan.project_dir, *words, "--branch-deployment")
    close = own_deploy(options, plan.project_dir, "--branch-deployment", "--close")
    return {
        "stages": ["deploy"],
        "dagster-deploy-branch": _for_branch(_own_job(plan, python, branch)),
        "dagster-deploy": _for_main(
            _own_job(plan, python, own_deploy(options, plan.project_dir, *words)), options
        ),
        "dagster-close-branch": _close_job(python, [own_install(), close]),
    }


def _own_job(plan: WorkflowPlan, image: str, command: str) -> dict[str, Yaml]:
    logins = list(_logins(plan))
    job: dict[str, Yaml] = {"stage": "deploy", "image": image, "interruptible": False}
    needs_docker = bool(logins) or _has_serverless_images(plan)
    docker = (*_INSTALL_DOCKER, *logins, *_BUILDER) if needs_docker else ()
    service = _with_docker() if needs_docker else {}
    return {**job, **service, "script": [*docker, own_install(), command]}


def _with_docker() -> dict[str, Yaml]:
    """What a job needs, beside the programs, to build images in a container of its own."""
    return {
        "services": [f"{_DOCKER}-dind"],
        "variables": {
            "DOCKER_HOST": "tcp://docker:2376",
            "DOCKER_TLS_VERIFY": "1",
            "DOCKER_TLS_CERTDIR": _CERTIFICATES,
            "DOCKER_CERT_PATH": f"{_CERTIFICATES}/client",
        },
    }


def _has_serverless_images(plan: WorkflowPlan) -> bool:
    return any(session.images for session in plan.sessions)


def _for_main(job: dict[str, Yaml], options: Options) -> dict[str, Yaml]:
    return {
        **job,
        "rules": [{"if": f"$CI_COMMIT_BRANCH == {_quoted(options.branch)}"}],
        "environment": {"name": f"dagster/{options.deployment}"},
        # Two deploys at once could end in the older one.
        "resource_group": f"dagster-{options.deployment}",
    }


def _for_branch(job: dict[str, Yaml]) -> dict[str, Yaml]:
    return {
        **job,
        "rules": [{"if": _CHANGE}],
        "environment": {
            "name": "dagster/branch/$CI_COMMIT_REF_SLUG",
            "on_stop": "dagster-close-branch",
        },
        "resource_group": "dagster-branch-$CI_COMMIT_REF_SLUG",
    }


def _close_job(python: str, script: list[Yaml]) -> dict[str, Yaml]:
    above = ("GitLab starts it when the merge request is merged or its branch is deleted.",)
    return {
        "stage": "deploy",
        "image": python,
        "needs": [],
        "rules": [
            CommentedValue({"if": _CHANGE, "when": "manual", "allow_failure": True}, above=above)
        ],
        "environment": {"name": "dagster/branch/$CI_COMMIT_REF_SLUG", "action": "stop"},
        "resource_group": "dagster-branch-$CI_COMMIT_REF_SLUG",
        "script": script,
    }


def _plan_job(plan: WorkflowPlan, options: Options, python: str) -> dict[str, Yaml]:
    script: list[Yaml] = [scripts.install(())]
    for number, session in enumerate(plan.sessions, start=1):
        if session.rendered:
            script.append(scripts.render(session))
        script.append(f"mkdir -p {_TAGS}")
        script.append(scripts.route_to_file(session, _plan_file(number)))
    return {
        "stage": "plan",
        "image": python,
        "rules": _rules(options),
        "script": script,
        "artifacts": {"paths": [f"{_TAGS}/"], "expire_in": "1 day"},
    }


def _images_job(plan: WorkflowPlan, options: Options) -> dict[str, Yaml]:
    script: list[Yaml] = list(_logins(plan))
    script += _preparations(plan, Kind.HYBRID)
    script += [*_BUILDER, f"mkdir -p {_TAGS}", _PUSH_IMAGE.rstrip()]
    for number, session in enumerate(plan.sessions, start=1):
        if options.pattern is Pattern.ROUTED:
            script.append(
                "while IFS='|' read -r kind name directory registry slug; do\n"
                '  if [ "$kind" = hybrid ]; then\n'
                '    push_image "$directory" "$registry" "$slug" < /dev/null\n'
                "  fi\n"
                f"done < {_plan_file(number)}"
            )
        else:
            script += [
                f"push_image {_q(each.directory)} {_q(each.registry)} {each.slug}"
                for each in session.of_kind(Kind.HYBRID)
            ]
    script.append(f'echo "$IMAGE_TAG-$CI_JOB_ID" > {_TAGS}/tag')
    return {
        "stage": "images",
        "image": _DOCKER,
        "services": [f"{_DOCKER}-dind"],
        "variables": {"DOCKER_TLS_CERTDIR": _CERTIFICATES},
        "rules": _rules(options),
        "needs": ["dagster-plan"] if options.pattern is Pattern.ROUTED else [],
        "script": script,
        "artifacts": {"paths": [f"{_TAGS}/"], "expire_in": "1 day"},
    }


def _deploy_job(plan: WorkflowPlan, options: Options, *, has_images: bool) -> dict[str, Yaml]:
    kinds = (
        set(Kind) if options.pattern is Pattern.ROUTED else {target.kind for target in plan.targets}
    )
    needs = ["dagster-plan"] if options.pattern is Pattern.ROUTED else []
    script: list[Yaml] = [scripts.install(kinds, setuptools=needs_setuptools(plan, options))]
    builds_images = _has_serverless_images(plan)
    if builds_images:
        script = [*_INSTALL_DOCKER, *script]
    script += _preparations(plan, Kind.SERVERLESS)
    for number, session in enumerate(plan.sessions, start=1):
        script += _session_scripts(session, number, options)
    return {
        "stage": "deploy",
        "image": f"python:{options.python}" + (f"-{_DEBIAN}" if builds_images else ""),
        **(_with_docker() if builds_images else {}),
        "needs": [*needs, *(["dagster-images"] if has_images else [])],
        "interruptible": False,
        "script": script,
    }


def _preparations(plan: WorkflowPlan, kind: Kind) -> Iterator[str]:
    for each in preparations(target for target in plan.targets if target.kind is kind):
        yield scripts.prepare(each)


def _session_scripts(session: PlannedSession, number: int, options: Options) -> Iterator[str]:
    choice = Choice.FILE if options.pattern is Pattern.ROUTED else Choice.WRITTEN
    yield f'export DAGSTER_BUILD_STATEDIR="$CI_BUILDS_DIR/session-$CI_JOB_ID-{number}"'
    if choice is Choice.FILE:
        yield f"export PLAN={_plan_file(number)}"
    if session.rendered:
        yield scripts.render(session)
    yield scripts.init(session, options, choice, _AROUND)
    tag = f"$(cat {_TAGS}/tag)"
    images = (IMAGE,) if session.images else ()
    for kinds, script in (
        ((Kind.SERVERLESS,), scripts.build(session, options, choice, _AROUND)),
        (images, scripts.build_images(session, options, choice)),
        ((Kind.HYBRID,), scripts.record_images(session, choice, tag=tag)),
        ((Kind.SERVERLESS, *images, Kind.HYBRID), scripts.deploy(session, choice)),
        ((Kind.PREBUILT,), scripts.add_prebuilt(session, choice)),
    ):
        if choice is Choice.FILE and kinds:
            condition = f"grep -qE '^({'|'.join(kinds)})[|]' \"$PLAN\""
            yield f"if {condition}; then\n{script}\nfi"
        elif any(each.way in kinds for each in session.targets):
            yield script


def _logins(plan: WorkflowPlan) -> Iterator[str]:
    targets = [each for each in plan.targets if each.registry]
    hosts = registry_hosts(targets)
    for host in hosts:
        prefix = secret_prefix(host, alone=len(hosts) == 1)
        user, password = f'"${prefix}_USERNAME"', f'"${prefix}_PASSWORD"'
        if host == _GITLAB_HOST:
            user, password = '"$CI_REGISTRY_USER"', '"$CI_REGISTRY_PASSWORD"'
        where = f" {_q(host)}" if host else ""
        yield f"echo {password} | docker login --username {user} --password-stdin{where}"


def _rules(options: Options) -> list[Yaml]:
    return [{"if": f"$CI_COMMIT_BRANCH == {_quoted(options.branch)}"}, {"if": _CHANGE}]


def _plan_file(number: int) -> str:
    return f"{_TAGS}/locations-{number}"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'


def _q(text: str) -> str:
    return shlex.quote(text)
