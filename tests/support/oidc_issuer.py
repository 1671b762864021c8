"""A CI provider of the tests: it signs tokens, and serves its public keys on this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeyParameters, OctKey, RSAKey

from tests.support.json_server import JsonServer


@dataclass(slots=True, kw_only=True)
class OidcIssuer(JsonServer):
    """A stand-in for GitHub or GitLab, named as such; at :attr:`url` while it is open."""

    keys: dict[str, RSAKey | ECKey] = field(default_factory=dict)
    #: What a job of GitHub gets when it asks for a token; by its audience.
    job: Callable[[str], str] | None = None
    #: Instead of its own description.
    about: Mapping[str, Any] | None = None

    def new_key(self, key_id: str, *, curve: bool = False) -> RSAKey | ECKey:
        """Make a key, and publish it."""
        parameters: KeyParameters = {"kid": key_id, "use": "sig"}
        key: RSAKey | ECKey = (
            ECKey.generate_key("P-256", parameters=parameters)
            if curve
            else RSAKey.generate_key(2048, parameters=parameters)
        )
        self.keys[key_id] = key
        return key

    def sign(
        self,
        claims: Mapping[str, Any],
        *,
        key_id: str = "first",
        key: RSAKey | ECKey | OctKey | None = None,
        algorithm: str = "RS256",
    ) -> str:
        """A token with these claims."""
        header = {"alg": algorithm, "kid": key_id}
        return jwt.encode(header, dict(claims), key or self.keys[key_id], algorithms=[algorithm])

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """What a path shows."""
        del method, body
        self.requests.append(path)
        found = self._shown(path)
        return (HTTPStatus.NOT_FOUND, {}) if found is None else (HTTPStatus.OK, found)

    def _shown(self, path: str) -> Mapping[str, Any] | None:
        if path == "/.well-known/openid-configuration":
            return self.about or {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        if path.startswith("/job?") and self.job is not None:
            return {"value": self.job(parse_qs(urlsplit(path).query)["audience"][0])}
        if path == "/keys":
            return {"keys": [each.as_dict(private=False) for each in self.keys.values()]}
        return None
