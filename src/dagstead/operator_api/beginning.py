"""Where every deploy begins, whoever sends it: admission, then a release that agents load."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dagstead.errors import InvalidDocumentError
from dagstead.operator_api.context import Context, require_locations
from dagstead.operator_api.documents import Deploying, pex_files
from dagstead.plane.blobs import ORGANIZATION, BlobKey, BlobKind
from dagstead.plane.locations import NewLocation
from dagstead.plane.policies import ReleasePolicy, Unserved
from dagstead.plane.releases import NewRelease, Release


def begin(context: Context, new: NewRelease) -> Release:
    """Begin a release of the request's deployment and tell the agents.

    Who began it, the commit and whether it is atomic are filled in where ``new`` leaves them open.

    Raises:
        ForbiddenError: when the caller's token does not grant one of the locations.
        InvalidDocumentError: when a PEX file was never uploaded, or no live agent serves the queue
            of a location and the deployment's policy is to refuse that.
    """
    require_locations(context, [*(each.name for each in new.locations), *new.removes])
    policy = ReleasePolicy.of(context.deployment.settings)
    unserved = why_unserved(context, {each.name: each.queue for each in new.locations})
    errors = _missing_uploads(new.locations, lambda key: context.store.blobs.size(key) is not None)
    if policy.unserved is Unserved.REFUSE:
        errors += unserved
    if errors:
        raise InvalidDocumentError(errors)
    git = _git(new.locations)
    release, queues = context.store.releases.begin(
        context.deployment.name,
        replace(
            new,
            atomic=new.atomic and policy.atomic,
            by=context.token.name if context.token else None,
            commit_hash=new.commit_hash or git.get("commit_hash"),
            url=new.url or git.get("url"),
            warning=" ".join(unserved) if policy.unserved is Unserved.WARN else None,
        ),
    )
    context.calls.check_for_workspace_updates(context.deployment, queues)
    return release


def deploying(context: Context) -> Deploying:
    """Where the request's documents are deployed."""
    return Deploying(deployment=context.deployment, new_deploy_id=lambda: uuid.uuid4().hex)


def others(context: Context, new: Sequence[NewLocation]) -> list[str]:
    """The deployment's locations that are not among these."""
    names = {each.name for each in new}
    every = context.store.locations.all(context.deployment.name)
    return [each.name for each in every if each.name not in names]


def why_unserved(context: Context, queues: Mapping[str, str | None]) -> list[str]:
    """A sentence for each location, given with its queue, that nobody would load."""
    return [
        f"{name!r} would wait. {reason}"
        for name, queue in queues.items()
        if (reason := context.calls.why_unserved(context.deployment, name, queue))
    ]


def _missing_uploads(new: Iterable[NewLocation], stored: Callable[[BlobKey], bool]) -> list[str]:
    """A sentence for each PEX file that was never uploaded.

    The CLI goes on when an upload fails (``pex_registry.upload_files`` drops its own error), and
    the location would fail to load much later on the pool.
    """
    return [
        f"Location {each.name!r}: PEX file {file!r} is not stored here. Its upload may have "
        "failed: build it again with `dagster-cloud ci build`, and look for 'Upload failed'."
        for each in new
        for file in pex_files(each)
        if not stored(BlobKey(BlobKind.PEX, ORGANIZATION, file))
    ]


def _git(new: Sequence[NewLocation]) -> Mapping[str, Any]:
    """The commit that the documents were made from; all of one deploy name the same."""
    return next((each.document["git"] for each in new if each.document.get("git")), {})
