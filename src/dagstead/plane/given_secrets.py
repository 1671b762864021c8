"""Secrets that the server's own environment gives to the code of all full deployments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dagstead.errors import ConfigurationError, InvalidInputError
from dagstead.plane.secrets import Place, SecretKind, StoredSecret, check_secret

#: ``DAGSTEAD_SECRET_NAME`` is the variable ``NAME`` of user code.
PREFIX = "DAGSTEAD_SECRET_"

#: Once it stood between a name, a deployment and a location; and it may be a part of a name.
_AMBIGUOUS = "__"


@dataclass(frozen=True, kw_only=True, slots=True)
class GivenSecret:
    """A secret of the server's environment."""

    name: str
    value: str = field(repr=False)

    @property
    def secret(self) -> StoredSecret:
        """It, without its value, as one of all secrets."""
        return StoredSecret(
            id=f"environment:{self.name}",
            name=self.name,
            place=Place(kind=SecretKind.FULL),
            batch=f"environment:{self.name}",
            is_stored=False,
        )


def given_secrets(environment: Mapping[str, str]) -> Sequence[GivenSecret]:
    """The secrets among the variables of a server.

    Raises:
        ConfigurationError: for a variable that could mean two things, or cannot name a secret.
    """
    return [
        _given(variable, value)
        for variable, value in sorted(environment.items())
        if variable.startswith(PREFIX)
    ]


def _given(variable: str, value: str) -> GivenSecret:
    name = variable.removeprefix(PREFIX)
    if _AMBIGUOUS in name:
        first = name.partition(_AMBIGUOUS)[0] or "NAME"
        msg = (
            f"{variable} could mean two things: a secret named {name!r}, or one named {first!r} "
            "for a deployment. Unset it, and store the secret instead: `dagstead secret set "
            f"{name}`, or `dagstead secret set {first} --deployment …`."
        )
        raise ConfigurationError(msg)
    try:
        check_secret(name, value)
    except InvalidInputError as error:
        msg = f"{variable}: {error.message}"
        raise ConfigurationError(msg) from error
    return GivenSecret(name=name, value=value)
