"""What docker's failures mean, and what helps. Its words differ by version; these do not."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

from dagstead.build.model import DockerPlan, PlannedBuild

#: BuildKit repeats the step that failed between such lines, after everything else.
_RULER = re.compile(r"^-{6,}$")
_KEPT_LINES = 30


@dataclass(frozen=True, slots=True)
class _Cause:
    pattern: re.Pattern[str]
    #: May name groups of the pattern, and ``repository``, ``host``, ``folder`` and ``dockerfile``.
    sentence: str


def _cause(pattern: str, sentence: str) -> _Cause:
    return _Cause(re.compile(pattern, re.IGNORECASE | re.DOTALL), sentence)


#: The first one that fits counts, so the most exact ones come first.
_DAEMON = (
    _cause(
        r"permission denied.{0,120}docker",
        "This user may not use the Docker daemon. Add it to the group docker, and sign in again.",
    ),
    _cause(
        r"cannot connect to the docker daemon|failed to connect to the docker api"
        r"|error during connect|docker daemon is not running",
        "The Docker daemon is not running. Start it (`systemctl start docker`), or set DOCKER_HOST "
        "to one that is.",
    ),
)
_CAUSES = (
    *_DAEMON,
    _cause(
        r"no space left on device",
        "There is no room left on the disk of the Docker daemon. `docker system df` shows what "
        "takes it, `docker builder prune` frees some.",
    ),
    _cause(
        r'failed to (?:calculate checksum|compute cache key)[^\n]*"/?(?P<file>[^"\n]+)":? not found'
        r"|lstat /?(?P<path>[^\s:]+): no such file",
        "{dockerfile} copies '{file}{path}', which is not in the build directory {folder!r}, or is "
        "left out by its .dockerignore.",
    ),
    _cause(
        r"secret \S+?:? (?:not found|is required)|failed to stat \S+: no such",
        "A secret of the build is not there. Pass it: --secret id=NAME,src=FILE.",
    ),
    _cause(
        r"dockerfile parse error[^\n]*?: (?P<why>[^\n]+)",
        "{dockerfile} cannot be read: {why}.",
    ),
    _cause(
        r"(?P<git>[^\n]*(?:Permission denied \(publickey|Host key verification failed"
        r"|could not read Username)[^\n]*)",
        "git cannot fetch what a step of {dockerfile} asks for: {git}. Hand it an SSH agent (--ssh "
        "default, and RUN --mount=type=ssh in the Dockerfile) or a token (--secret).",
    ),
    _cause(
        r'(?:process "|executor failed running \[)(?P<run>[^\n]*?)'
        r'(?:" did not complete successfully|\]): exit code: (?P<code>\d+)',
        "A step of {dockerfile} ended with exit code {code}: {run}",
    ),
    _cause(
        r"(?P<image>[\w./:@-]+): (?:failed to resolve source metadata|pull access denied|not found)"
        r"|manifest for (?P<other>\S+) not found|pull access denied for (?P<denied>[^\s,]+)",
        "An image that {dockerfile} begins with cannot be pulled: {image}{other}{denied}. Is its "
        "name right, and must `docker login` come first?",
    ),
    _cause(
        r"unauthorized|authentication required|no basic auth credentials|authorization failed"
        r"|denied: |access denied|insufficient_scope|403 forbidden|401 ",
        "The registry {host} refuses the push to {repository}. Sign in with `docker login {host}` "
        "as somebody who may push there.",
    ),
    _cause(
        r"immutable",
        "The registry {host} lets no tag of {repository} be written twice, and the layers for "
        "later builds have a tag that is. Build with --no-layer-cache.",
    ),
    _cause(
        r"name unknown|repository [^\n]* does not exist|repository [^\n]*not found",
        "The registry {host} has no repository {repository}. Create it there, or change "
        "build.registry.",
    ),
    _cause(
        r"no such host|connection refused|i/o timeout|tls handshake|x509|context deadline exceeded"
        r"|server gave http response|temporary failure in name resolution|network is unreachable"
        r"|no route to host|connection reset|EOF",
        "The registry {host} of {repository} cannot be reached from here. Is build.registry right?",
    ),
)


def explain(text: str, planned: PlannedBuild, plan: DockerPlan) -> str:
    """Sentences for what a build or push has said before it failed."""
    words = {
        "repository": plan.repository,
        "host": _host(plan.repository),
        "folder": planned.folder,
        "dockerfile": _dockerfile(planned, plan),
    }
    sentence = _first(_CAUSES, text, words)
    if sentence is None:
        sentence = "docker says why below."
    return f"The image of {planned.location!r} was not made. {sentence}"


def explain_daemon(text: str) -> str:
    """Sentences for a daemon that did not answer."""
    return _first(_DAEMON, text, {}) or (
        "The Docker daemon does not answer as it should. `docker version` shows more."
    )


def failed_step(lines: Sequence[str]) -> tuple[str, ...]:
    """The part of BuildKit's output that is about the step that failed; else its end."""
    rulers = [number for number, line in enumerate(lines) if _RULER.match(line)]
    begin = rulers[0] + 1 if rulers else 0
    kept = [line for line in lines[begin:] if line and not _RULER.match(line)]
    return tuple(kept[-_KEPT_LINES:])


def _first(causes: Sequence[_Cause], text: str, words: dict[str, str]) -> str | None:
    for cause in causes:
        found = cause.pattern.search(text)
        if found:
            groups = {name: (value or "").strip(" .") for name, value in found.groupdict().items()}
            return cause.sentence.format(**words, **groups)
    return None


def _dockerfile(planned: PlannedBuild, plan: DockerPlan) -> str:
    if plan.dockerfile is None:
        return "The generated Dockerfile"
    if plan.dockerfile.is_relative_to(planned.directory):
        below = plan.dockerfile.relative_to(planned.directory)
        return posixpath.normpath(posixpath.join(planned.folder, below.as_posix()))
    return str(plan.dockerfile)


def _host(repository: str) -> str:
    first, slash, _ = repository.partition("/")
    return (
        first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"
    )
