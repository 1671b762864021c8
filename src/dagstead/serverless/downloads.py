"""Fetching PEX files from the control plane's blob store, whole or not at all."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urljoin
from uuid import uuid4

import requests
from dagster_cloud_cli.core.headers.auth import DEPLOYMENT_NAME_HEADER, DagsterCloudInstanceScope

from dagstead.errors import PexError
from dagstead.model.pex_names import PexName

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping
    from pathlib import Path

    from dagster_cloud.instance import DagsterCloudAgentInstance

_CHUNK_BYTES = 1 << 20


class PexFiles(Protocol):
    """A place to fetch PEX files from."""

    def fetch(self, filename: str, target: Path) -> None:
        """Write the file to ``target``, which exists afterwards only when all of it has arrived.

        Raises:
            PexError: There is no such file, or what arrived has another digest.
        """


class _TransientError(Exception):
    """Worth another attempt."""


@dataclass(frozen=True, kw_only=True)
class ControlPlanePexFiles:
    """PEX files by signed URL from the control plane (``gen_artifact_get``).

    The body of the answer is ``{"url": ...}``; ``{"sha256": ...}`` beside it is checked.
    """

    #: The control plane's address, without a slash at the end.
    url: str
    #: The official instance's session and organization headers.
    session: requests.Session
    headers: Mapping[str, str]
    proxies: Mapping[str, str]
    timeout_seconds: float
    #: Ends the pauses between attempts, and with them the fetch.
    stop: threading.Event
    attempts: int = 4
    #: Doubled after each attempt.
    first_pause_seconds: float = 0.5

    def fetch(self, filename: str, target: Path) -> None:
        """Implement :meth:`PexFiles.fetch`, with some attempts while the server is away."""
        last: Exception | None = None
        for attempt in range(self.attempts):
            if attempt and self.stop.wait(self.first_pause_seconds * 2 ** (attempt - 1)):
                break
            try:
                self._fetch_once(filename, target)
            except (_TransientError, requests.RequestException, OSError) as error:
                last = error
            else:
                return
        msg = (
            f"PEX file {filename} could not be fetched from {self.url} ({self.attempts} attempts). "
            f"The last problem: {type(last).__name__}: {last}. Deploy the location again when the "
            "control plane can be reached from the pool."
        )
        raise PexError(msg) from last

    def _fetch_once(self, filename: str, target: Path) -> None:
        answer = self._ask(filename)
        temporary = target.with_name(f"{target.name}.{uuid4().hex}.part")
        try:
            digest = self._download(filename, urljoin(f"{self.url}/", answer["url"]), temporary)
            # A release names its files with their digest, whatever the server says today.
            for expected in (PexName.of(filename).sha256, answer.get("sha256")):
                if expected and expected != digest:
                    msg = f"PEX file {filename} has SHA-256 {digest}, and {expected} was announced"
                    raise _TransientError(msg)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)

    def _ask(self, filename: str) -> dict[str, Any]:
        response = self.session.post(
            f"{self.url}/gen_artifact_get",
            json={"key": f"pex/{filename}"},
            headers=dict(self.headers),
            timeout=self.timeout_seconds,
            proxies=dict(self.proxies),
        )
        _raise_for_status(response, filename)
        try:
            answer = response.json()
        except requests.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict) or not isinstance(answer.get("url"), str):
            msg = f"the control plane gave no address for {filename}"
            raise _TransientError(msg)
        return answer

    def _download(self, filename: str, url: str, target: Path) -> str:
        digest = hashlib.sha256()
        received = 0
        with self.session.get(
            url, stream=True, timeout=self.timeout_seconds, proxies=dict(self.proxies)
        ) as response:
            _raise_for_status(response, filename)
            with target.open("wb") as file:
                for chunk in response.iter_content(_CHUNK_BYTES):
                    if self.stop.is_set():
                        msg = f"PEX file {filename} was not fetched: the pool is stopping."
                        raise PexError(msg)
                    file.write(chunk)
                    digest.update(chunk)
                    received += len(chunk)
            announced = response.headers.get("Content-Length")
        # A body that the server compressed on the way has another length than announced.
        encoded = "Content-Encoding" in response.headers
        if announced is not None and not encoded and received != int(announced):
            msg = f"only {received} of {announced} bytes of {filename} arrived"
            raise _TransientError(msg)
        return digest.hexdigest()


def pex_files_of(
    instance: DagsterCloudAgentInstance, stop: threading.Event
) -> ControlPlanePexFiles:
    """The PEX files that an agent may fetch.

    Args:
        instance: the agent's.
        stop: ends what is under way.
    """
    headers = instance.dagster_cloud_api_headers(DagsterCloudInstanceScope.ORGANIZATION)
    headers.pop(DEPLOYMENT_NAME_HEADER, None)
    return ControlPlanePexFiles(
        url=instance.dagster_cloud_url,
        session=instance.requests_managed_retries_session,
        headers=headers,
        proxies=instance.dagster_cloud_api_proxies or {},
        timeout_seconds=instance.dagster_cloud_api_timeout,
        stop=stop,
    )


def _raise_for_status(response: requests.Response, filename: str) -> None:
    if response.status_code == HTTPStatus.NOT_FOUND:
        msg = (
            f"PEX file {filename} is not in the control plane's store. It was never uploaded, or "
            "it was cleaned up. Build and deploy the location again: `dagster-cloud ci build "
            "--build-strategy=python-executable`, then `dagster-cloud ci deploy`."
        )
        raise PexError(msg)
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or response.status_code in (
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.REQUEST_TIMEOUT,
    ):
        msg = f"the answer was HTTP {response.status_code}"
        raise _TransientError(msg)
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        msg = (
            f"The control plane refused to hand out PEX file {filename}: HTTP "
            f"{response.status_code}, {response.text[:300]!r}. The pool's token must be an agent "
            "token for all deployments and the default queue."
        )
        raise PexError(msg)
