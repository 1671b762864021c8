"""Real places that alerts are sent to: a page that takes what is posted, and a mail server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.support.ports import free_port


@dataclass(frozen=True, kw_only=True)
class Posted:
    """What was posted."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class HookReceiver:
    """A page that takes what is posted."""

    port: int = 0
    #: What it answers, in turn; the last one again and again.
    statuses: list[int] = field(default_factory=lambda: [200])
    #: Where redirects lead.
    location: str = ""
    #: While it is not set, nothing is answered.
    answers: threading.Event = field(default_factory=threading.Event)
    got: list[Posted] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def next_status(self) -> int:
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


@contextmanager
def hook_receiver(*statuses: int, location: str = "") -> Iterator[HookReceiver]:
    """A page on this machine."""
    made = HookReceiver(statuses=list(statuses) or [200], location=location)
    made.answers.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.got.append(Posted(path=self.path, headers=dict(self.headers), body=body))
            made.answers.wait(30)
            try:
                self.send_response(made.next_status())
                if made.location:
                    self.send_header("Location", made.location)
                self.end_headers()
            except OSError:
                # It was not waited for.
                pass

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.answers.set()
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Mailbox:
    """What a mail server has got."""

    port: int
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    #: What it answers in the place of taking a mail.
    refusal: str | None = None

    @property
    def server(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_DATA(  # noqa: N802 - the library's
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        if self.refusal is not None:
            return self.refusal
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 OK"


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """A mail server on this machine."""
    box = Mailbox(port=free_port())
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
