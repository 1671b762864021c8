"""The one error tree. Every room raises from it; each surface maps it to its wire in one function.

A message says what happened, with the value, and the next step. It is safe to show to the caller:
causes that are not (paths, SQL, stack traces) go to the log through ``__cause__``.
"""

from __future__ import annotations

import logging
import secrets


class DagsteadError(Exception):
    """Dagstead could not do what was asked."""

    #: Whether the trail has it: on its way to the caller it passes several places that record.
    is_recorded = False

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__ or type(self).__name__)

    @property
    def message(self) -> str:
        """The public text."""
        return str(self.args[0])


class InvalidInputError(DagsteadError):
    """What was sent is not of the form that this place takes."""


class InvalidDocumentError(InvalidInputError):
    """A deployed document has mistakes; ``errors`` has one sentence for each."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__(" ".join(errors))
        self.errors = tuple(errors)


class NotOfferedError(DagsteadError):
    """This control plane does not offer that."""


class TooLargeError(InvalidInputError):
    """The body is larger than this server accepts."""


class UnauthenticatedError(DagsteadError):
    """No valid token came with this request."""

    def __init__(self, message: str | None = None, *, token: str | None = None) -> None:
        super().__init__(message)
        #: The token that is no longer valid, in words: its kind and its name.
        self.token = token


class ForbiddenError(DagsteadError):
    """The token is valid and does not grant this."""


class NotFoundError(DagsteadError):
    """There is no such thing here."""


class DeploymentNotFoundError(NotFoundError):
    """There is no such deployment."""


class LocationNotFoundError(NotFoundError):
    """There is no such code location."""


class ReleaseNotFoundError(NotFoundError):
    """There is no such release."""


class BlobNotFoundError(NotFoundError):
    """There is no such file."""


class ConflictError(DagsteadError):
    """The thing exists already, or is in a state that does not allow this."""


class LastDeploymentError(ConflictError):
    """The last full deployment stays."""


class BusyError(DagsteadError):
    """The same write is still under way; send it again in a moment."""

    #: The official client tries six times again: longer, together, than a write may take. It then
    #: waits this long each time instead of its own 1, 2, 4 … 32 seconds, so that any number below
    #: 10 has it give up sooner than none. None leaves the waiting to the client.
    retry_after_seconds: int | None = 12


class WriteFailedError(BusyError):
    """The write could not be stored; send it again, and what was stored of it stays."""

    retry_after_seconds = None


class StoreAwayError(DagsteadError):
    """The control plane's database does not answer. Try again in a moment."""

    def __init__(
        self, message: str | None = None, *, reason: str = "", fault: str | None = None
    ) -> None:
        super().__init__(message)
        #: The cause in one line, for the log only.
        self.reason = reason
        #: What is wrong, as a sentence without the next step.
        self.fault = fault or self.message


class IssuerError(DagsteadError):
    """A CI provider's keys could not be fetched."""


class RegistryAwayError(DagsteadError):
    """The registry of images does not answer, or does not let the control plane in."""


class NoAnswerError(DagsteadError):
    """No agent answered in time."""


class DatabaseUnusableError(DagsteadError):
    """The database cannot be opened."""


class BackupError(DagsteadError):
    """A backup could not be made or restored."""


class ConfigurationError(DagsteadError):
    """A setting has a value that cannot be used."""


class MasterKeyError(ConfigurationError):
    """The master key is missing, or cannot be used."""


class DamagedSecretError(DagsteadError):
    """A stored secret cannot be decrypted: its row was altered or moved. Set the secret again."""


class TooManySecretsError(ConflictError):
    """The deployment has as many secrets as it may have."""


class SignatureError(ForbiddenError):
    """The signed address was altered or has expired."""


class PexError(DagsteadError):
    """A PEX file could not be fetched, checked or unpacked."""


class UnservableLocationError(DagsteadError):
    """The managed pool cannot run this code location."""


class ContainerError(DagsteadError):
    """The managed pool's Docker did not start a container, or it ended too early."""


class LoadInterruptedError(ContainerError):
    """A location is not loaded, its code is not to blame, and the managed pool tries it again."""


class CodeServerError(DagsteadError):
    """A code server of the managed pool ended while it served."""


class RunWorkerError(DagsteadError):
    """The managed pool could not start the worker of a run."""


class UnreachableError(DagsteadError):
    """The control plane does not answer."""


class UnansweredError(DagsteadError):
    """What a command was asked cannot be found out."""


class RefusedError(DagsteadError):
    """The control plane refused what was asked."""


class BuildError(DagsteadError):
    """A code location could not be built."""


class BuildStepError(BuildError):
    """A program that builds has failed; ``output`` is the end of what it said."""

    def __init__(
        self, message: str, *, output: tuple[str, ...] = (), command: str | None = None
    ) -> None:
        super().__init__(message)
        self.output = output
        #: What repeats it by hand.
        self.command = command


class StaleLockError(BuildError):
    """A lock file does not fit what it locks any more."""


class BuildStoppedError(BuildError):
    """The build was stopped before it was done."""


class GitError(DagsteadError):
    """Git could not tell what was asked."""


class LayoutError(InvalidInputError):
    """The repository cannot be brought into that layout."""


class JournalError(ConflictError):
    """The record of an earlier change does not fit the files."""


def report_unexpected(error: BaseException, doing: str, log: logging.Logger) -> str:
    """Log an error that is ours, not the caller's, and give the sentence for the caller.

    Args:
        error: what was raised; its text may be secret, so the caller gets none of it.
        doing: what failed, for the log.
        log: the logger of the module that answers.

    Returns:
        A sentence that ends with the reference under which the log has the cause.
    """
    reference = secrets.token_hex(6)
    log.error("Reference %s: failed in %s", reference, doing, exc_info=error)
    return f"The server failed to answer this. Its log has the cause under reference {reference}."
