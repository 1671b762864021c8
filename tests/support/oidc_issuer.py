"""A CI provider of the tests: it signs tokens, and serves its public keys on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey


@dataclass(slots=True)
class OidcIssuer:
    """A stand-in for GitHub or GitLab, named as such; at :attr:`url` while it is open."""

    keys: dict[str, RSAKey | ECKey] = field(default_factory=dict)
    #: Paths that were asked for.
    requests: list[str] = field(default_factory=list)
    #: What a job of GitHub gets when it asks for a token; by its audience.
    job: Callable[[str], str] | None = None
    #: Instead of its own description.
    about: Mapping[str, Any] | None = None
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """The issuer."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_port}"

    def new_key(self, key_id: str, *, curve: bool = False) -> RSAKey | ECKey:
        """Make a key, and publish it."""
        parameters = {"kid": key_id, "use": "sig"}
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

    def __enter__(self) -> Self:
        """Listen."""
        handler = type("Handler", (_Handler,), {"issuer": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> Mapping[str, Any] | None:
        """What a path shows."""
        self.requests.append(path)
        if path == "/.well-known/openid-configuration":
            return self.about or {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        if path.startswith("/job?") and self.job is not None:
            return {"value": self.job(parse_qs(urlsplit(path).query)["audience"][0])}
        if path == "/keys":
            return {"keys": [each.as_dict(private=False) for each in self.keys.values()]}
        return None


class _Handler(BaseHTTPRequestHandler):
    issuer: OidcIssuer

    def do_GET(self) -> None:
        found = self.issuer.answer(self.path)
        data = json.dumps(found or {}).encode()
        self.send_response(404 if found is None else 200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the requests are kept."""
