"""A person's clone of the repository: commits, pushes and pull requests, as events."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.workflow_runner.events import REPOSITORY, Event, pull_request_payload

MAIN = "main"

_PERSON = ("-c", "user.name=A Person", "-c", "user.email=person@example.com")


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """An open one."""

    number: int
    branch: str


@dataclass(frozen=True, kw_only=True)
class Clone:
    """A clone, and the bare repository that it pushes to."""

    folder: Path
    origin: Path

    @classmethod
    def create(cls, folder: Path, origin: Path) -> Clone:
        """Both of them new; the files of the first commit are to be put into ``folder``."""
        subprocess.run(["git", "init", "--quiet", "--bare", origin], check=True)
        subprocess.run(["git", "init", "--quiet", "--initial-branch", MAIN, folder], check=True)
        clone = cls(folder=folder, origin=origin)
        clone.git("remote", "add", "origin", str(origin))
        return clone

    def push(self, changes: Mapping[str, str], branch: str = MAIN) -> Event:
        """Commit changes to a branch and push it."""
        before = self._tip()
        sha = self.commit(changes)
        self.git("push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
        changed = self._changed(before, sha) if before else self._files()
        return Event(
            name="push",
            sha=sha,
            ref=f"refs/heads/{branch}",
            changed=tuple(changed),
            payload={"repository": {"full_name": REPOSITORY}, "after": sha},
        )

    def dispatch(self, branch: str = MAIN) -> Event:
        """Start workflows by hand on a branch that was pushed."""
        sha = self.git("rev-parse", f"refs/remotes/origin/{branch}").strip()
        return Event(
            name="workflow_dispatch",
            sha=sha,
            ref=f"refs/heads/{branch}",
            changed=(),
            payload={"repository": {"full_name": REPOSITORY}, "inputs": {}},
        )

    def open(self, number: int, changes: Mapping[str, str]) -> tuple[PullRequest, Event]:
        """Push changes to a branch of their own, and open a pull request for it.

        The branch is named after the number: two of the same name have one branch deployment.
        """
        request = PullRequest(number=number, branch=f"topic-{number}")
        self.git("checkout", "--quiet", "-b", request.branch)
        self.push(changes, request.branch)
        event = self._event(request, "opened", self._merged(request), self._base(request))
        self.git("checkout", "--quiet", MAIN)
        return request, event

    def merge(self, request: PullRequest) -> tuple[Event, Event]:
        """Merge a pull request: the end of the request, and the push to the main branch."""
        before, base = self._tip(), self._base(request)
        self.git("merge", "--quiet", "--no-ff", "--no-edit", request.branch)
        self.git("push", "--quiet", "origin", f"HEAD:refs/heads/{MAIN}")
        sha = self._tip()
        closed = self._event(request, "closed", sha, base, merged=True)
        pushed = Event(
            name="push",
            sha=sha,
            ref=f"refs/heads/{MAIN}",
            changed=tuple(self._changed(before, sha)),
            payload={"repository": {"full_name": REPOSITORY}, "after": sha},
        )
        return closed, pushed

    def commit(self, changes: Mapping[str, str]) -> str:
        """Write files and commit everything; the commit."""
        for path, text in changes.items():
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", f"Change {', '.join(changes) or 'everything'}")
        return self._tip()

    def git(self, *arguments: str) -> str:
        """Run git in the clone; what it printed."""
        done = subprocess.run(
            ["git", *_PERSON, *arguments],
            cwd=self.folder,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def _merged(self, request: PullRequest) -> str:
        """What GitHub makes to try a pull request: its merge into the main branch."""
        self.git("checkout", "--quiet", "--detach", MAIN)
        self.git("merge", "--quiet", "--no-ff", "--no-edit", request.branch)
        self.git("push", "--quiet", "origin", f"HEAD:refs/pull/{request.number}/merge")
        return self._tip()

    def _base(self, request: PullRequest) -> str:
        return self.git("merge-base", MAIN, request.branch).strip()

    def _event(
        self, request: PullRequest, action: str, sha: str, base: str, *, merged: bool = False
    ) -> Event:
        head = self.git("rev-parse", request.branch).strip()
        return Event(
            name="pull_request",
            sha=sha,
            # GitHub names the branch that it was merged into, when it was merged.
            ref=f"refs/heads/{MAIN}" if merged else f"refs/pull/{request.number}/merge",
            changed=tuple(self._changed(base, head)),
            payload=pull_request_payload(
                number=request.number,
                action=action,
                merged=merged,
                head=(request.branch, head),
                base=(MAIN, base),
            ),
            head_ref=request.branch,
            base_ref=MAIN,
        )

    def _tip(self) -> str:
        return self.git("rev-parse", "--verify", "--quiet", "HEAD").strip() if self._begun() else ""

    def _begun(self) -> bool:
        return bool(self.git("for-each-ref", "--count=1").strip())

    def _changed(self, before: str, after: str) -> Iterable[str]:
        return self.git("diff", "--name-only", before, after).splitlines()

    def _files(self) -> Iterable[str]:
        return self.git("ls-files").splitlines()
