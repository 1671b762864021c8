"""The control plane's registry: where images of serverless locations go, and a login for it."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass, field

from dagstead.client.connection import Connection
from dagstead.errors import RefusedError

_ASK = "{ result: serverless { registryUrl awsAuthToken } }"


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryAccess:
    """Where to push, and with what."""

    #: Host and path.
    repository: str
    name: str
    password: str = field(repr=False)

    @property
    def host(self) -> str:
        """The registry's own address."""
        return self.repository.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Registry:
    """The registry of a deployment. It raises what :class:`Connection` does."""

    connection: Connection

    def access(self) -> RegistryAccess:
        """Where to push images for the deployment.

        Raises:
            RefusedError: when the installation has no registry.
        """
        answer = self.connection.graphql(_ASK)["result"]
        if not answer["awsAuthToken"]:
            msg = (
                "This control plane has no registry for images of serverless locations. Its "
                "administrator names one in the setting registry_url; or build PEX files."
            )
            raise RefusedError(msg)
        name, _, password = b64decode(answer["awsAuthToken"]).decode().partition(":")
        return RegistryAccess(repository=answer["registryUrl"], name=name, password=password)
