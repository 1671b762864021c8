"""Logging of our processes: one form, to standard error, with secrets blanked out."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator

from dagstead.model.text import escaped_line
from dagstead.plane.token_texts import PATTERN, PREFIX
from dagstead.plane.tokens import TokenKind

#: Token texts, signatures of signed addresses, cookies, passwords in database addresses.
_SECRETS = (
    (re.compile(rf"\b((?:{'|'.join(TokenKind)}):[^:\s'\"]*:)[0-9A-Za-z_-]{{8,}}"), r"\1***"),
    (re.compile(PATTERN), f"{PREFIX}***"),
    (re.compile(r"(signature=)[0-9A-Fa-f]+"), r"\1***"),
    (re.compile(r"(dagstead_session=)[^;\s'\"]+"), r"\1***"),
    (re.compile(r"(#link=)[0-9A-Za-z_-]+"), r"\1***"),
    (re.compile(r"(\w+://[^:/\s'\"@]+:)[^@\s'\"]+@"), r"\1***@"),
)

_FORMAT = "%(asctime)s %(levelname)-7s {process} %(name)s: %(message)s"

#: Libraries whose "info" is a line for every statement, poll or file.
_QUIET = ("alembic", "httpx", "httpcore", "urllib3", "websockets", "asyncio", "multipart")


_MARK = "  | "


def redact(text: str) -> str:
    """The text without what a reader of logs must not have."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class RedactingFormatter(logging.Formatter):
    """One line per record, whatever callers have put into it, with secrets blanked out.

    Only tracebacks have more lines. They begin with a mark, so that none can pass for a record.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, or lines."""
        record.message = record.getMessage()
        if self.usesTime():
            record.asctime = self.formatTime(record, self.datefmt)
        return redact("\n".join([*self._lines(self.formatMessage(record)), *self._more(record)]))

    def _lines(self, message: str) -> Iterator[str]:
        yield escaped_line(message)

    def _more(self, record: logging.LogRecord) -> Iterator[str]:
        traceback = self.formatException(record.exc_info) if record.exc_info else record.exc_text
        for text in (traceback, record.stack_info):
            for line in (text or "").splitlines():
                yield f"{_MARK}{escaped_line(line)}"


class AgentFormatter(RedactingFormatter):
    """The same for the agent of the managed pool, whose messages have tracebacks of user code."""

    def _lines(self, message: str) -> Iterator[str]:
        first, *others = message.splitlines() or [""]
        yield escaped_line(first)
        for line in others:
            yield f"{_MARK}{escaped_line(line)}"


def set_up_logs(process: str, level: str) -> None:
    """Send all logs of this process to standard error.

    Args:
        process: its name, in every line.
        level: the least important level that is shown.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter(_FORMAT.format(process=process)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Its "info" messages repeat ours, apart from "Press CTRL+C".
    for name in (*_QUIET, "uvicorn"):
        logging.getLogger(name).setLevel(logging.WARNING)
