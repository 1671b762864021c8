"""The addresses of pages."""

from __future__ import annotations

from urllib.parse import quote, urlencode

HOME = "/-/"


class Links:
    """Where things are. Names of locations, queues and agents may have any character."""

    home = HOME

    def page(self, name: str, **query: object) -> str:
        """A page by its noun, with what is chosen on it."""
        chosen = {key: value for key, value in query.items() if value not in (None, "")}
        return f"/-/{name}?{urlencode(chosen)}" if chosen else f"/-/{name}"

    def location(self, deployment: str, name: str) -> str:
        """One location."""
        return f"/-/locations/{_part(deployment)}/{_part(name)}"

    def events(self, deployment: str | None = None, location: str | None = None) -> str:
        """The stream of changes; with a location, also of what its code server prints."""
        return self.page("events", deployment=deployment, location=location)

    def queue(self, name: str | None) -> str:
        """One queue; the default queue has no name."""
        return "/-/queues/default" if name is None else f"/-/queues/of/{_part(name)}"

    def queue_removal(self, name: str) -> str:
        """Where what was said of a queue is forgotten."""
        return f"/-/queues/remove/{_part(name)}"

    def agent(self, agent_id: str) -> str:
        """One agent."""
        return f"/-/agents/{_part(agent_id)}"

    def release(self, deployment: str, number: int | str) -> str:
        """One release."""
        return f"/-/releases/{_part(deployment)}/{number}"

    def rollback(self, deployment: str, number: int, *, whole: bool = False) -> str:
        """Where a release is undone, or all of a deployment returns to it."""
        return f"{self.release(deployment, number)}/rollback{'?whole=1' if whole else ''}"

    def deployment(self, name: str) -> str:
        """One deployment."""
        return f"/-/deployments/{_part(name)}"

    def settings(self, name: str) -> str:
        """The settings of a deployment."""
        return f"{self.deployment(name)}/settings"

    def token(self, token_id: int) -> str:
        """One token."""
        return f"/-/tokens/{token_id}"

    def ui(self, deployment: str) -> str:
        """A deployment in the Dagster UI."""
        return f"/{_part(deployment)}/"

    def run(self, deployment: str, run_id: str) -> str:
        """A run in the Dagster UI."""
        return f"/{_part(deployment)}/runs/{_part(run_id)}"

    def why_run(self, deployment: str, run_id: str) -> str:
        """Why a run waits."""
        return f"/-/runs/{_part(deployment)}/{_part(run_id)}"

    def request(self, deployment: str, request_id: str) -> str:
        """Why a request waits."""
        return f"/-/requests/{_part(deployment)}/{_part(request_id)}"

    def location_in_ui(self, deployment: str, name: str) -> str:
        """A location in the Dagster UI."""
        return f"/{_part(deployment)}/locations/{_part(name)}/"


def _part(name: str) -> str:
    """A name as one part of a path: Starlette reads an encoded slash as a slash, and so do we."""
    return quote(name, safe="")
