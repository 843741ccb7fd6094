"""Mail: written in the transaction that it belongs to, sent afterwards by a job, to an SMTP server or (development) a folder."""

from __future__ import annotations

import secrets
import smtplib
import ssl
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Final, Literal, Protocol, cast
from urllib.parse import parse_qs, unquote, urlsplit

from anyio import to_thread
from procrastinate import App as JobQueue
from sqlalchemy import insert

from offhook.errors import AdapterRejected, AdapterUnavailable, ConfigError
from offhook.orchestrator.db import raw_connection
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.people.tables import MailRow
from offhook.orchestrator.scope import PlatformScope, ResellerScope, TenantScope
from offhook.orchestrator.services import Clock
from offhook.orchestrator.settings import OrchestratorSettings

SEND: Final = "send_mail"
"""Name of the job."""
TIMEOUT_S: Final = 20.0
KEPT: Final = 500
"""Mails that a folder keeps."""


class Delivery(Protocol):
    """Where mails go."""

    async def deliver(self, message: EmailMessage, id: str) -> None:
        """Send one; AdapterUnavailable to be tried again, AdapterRejected never to be."""
        ...


@dataclass(frozen=True, slots=True)
class Smtp:
    """A mail server (RFC 5321), over TLS from the start or after STARTTLS (RFC 3207)."""

    host: str
    port: int
    tls: Literal["implicit", "starttls", "none"]
    user: str = ""
    password: str = ""
    ca: str | None = None

    @classmethod
    def parse(cls, url: str) -> Smtp:
        """From ``settings.smtp_url``; ConfigError names what is wrong."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ConfigError("OFFHOOK_ORCHESTRATOR_SMTP_URL is not a URL") from error
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        tls = "implicit" if parts.scheme == "smtps" else query.get("tls", "starttls")
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or tls not in {"implicit", "starttls", "none"}:
            raise ConfigError("OFFHOOK_ORCHESTRATOR_SMTP_URL: smtp://user:password@host:587 or smtps://user:password@host:465")
        return cls(
            parts.hostname,
            port or (465 if tls == "implicit" else 587),
            cast("Literal['implicit', 'starttls', 'none']", tls),
            unquote(parts.username or ""),
            unquote(parts.password or ""),
            query.get("ca"),
        )

    async def deliver(self, message: EmailMessage, id: str) -> None:  # noqa: ARG002
        """Send one, in a thread."""
        try:
            await to_thread.run_sync(self._send, message)
        except smtplib.SMTPRecipientsRefused as error:
            code = max(code for code, _ in error.recipients.values())
            raise _failure(code, str(error)) from None
        except smtplib.SMTPAuthenticationError as error:  # the settings are wrong, not the mail
            raise AdapterUnavailable("mail/smtp", "the mail server refused our login", detail=str(error)) from None
        except smtplib.SMTPResponseException as error:
            raise _failure(error.smtp_code, str(error)) from None
        except (smtplib.SMTPException, OSError) as error:
            raise AdapterUnavailable(
                "mail/smtp", "the mail server cannot be reached or does not speak as it should", detail=str(error)
            ) from None

    def _send(self, message: EmailMessage) -> None:
        context = ssl.create_default_context(cafile=self.ca)
        if self.tls == "implicit":
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT_S, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_S)
        with server:
            if self.tls == "starttls":
                server.starttls(context=context)
            if self.user:
                server.login(self.user, self.password)
            server.send_message(message)


def _failure(code: int, detail: str) -> AdapterRejected | AdapterUnavailable:
    """4xx is for now, 5xx for good (RFC 5321 section 4.2.1)."""
    if code >= 500:
        return AdapterRejected("mail/smtp", f"the mail server refused the mail with {code}", detail=detail)
    return AdapterUnavailable("mail/smtp", f"the mail server put the mail off with {code}", detail=detail)


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail in the folder."""

    id: str
    to: str
    subject: str
    at: str
    text: str


@dataclass(frozen=True, slots=True)
class Folder:
    """Development: one ``.eml`` a mail. Ids sort by time."""

    path: Path

    async def deliver(self, message: EmailMessage, id: str) -> None:
        """Write one."""
        await to_thread.run_sync(self._write, message, id)

    def _write(self, message: EmailMessage, id: str) -> None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.path / f"{id}.{secrets.token_hex(4)}.part"  # a job that runs twice at once writes two, of which one stays
        draft.write_bytes(message.as_bytes())
        draft.replace(self.path / f"{id}.eml")
        for old in sorted(self.path.glob("*.eml"))[:-KEPT]:
            old.unlink(missing_ok=True)

    async def newest(self, count: int) -> list[Letter]:
        """The last ones, newest first."""
        return await to_thread.run_sync(self._read, count)

    def _read(self, count: int) -> list[Letter]:
        found: list[Letter] = []
        for path in sorted(self.path.glob("*.eml"), reverse=True)[:count]:
            message = message_from_bytes(path.read_bytes(), policy=policy.default)
            body = message.get_body(("plain",))
            text = body.get_content().replace("\r\n", "\n") if body is not None else ""
            found.append(Letter(path.stem, str(message["to"]), str(message["subject"]), str(message["date"]), text))
        return found


def compose(id: str, sender: str, to: str, subject: str, text: str, now: datetime) -> EmailMessage:
    """A plain message. No text makes a header of its own: the library refuses line breaks, and the subject has none."""
    message = EmailMessage(policy=policy.SMTP)
    name, address = parseaddr(sender)
    message["From"] = Address(name, addr_spec=address)
    message["To"] = Address(addr_spec=to)
    message["Subject"] = " ".join("".join(letter if letter.isprintable() else " " for letter in subject).split())
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{id}@{address.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text, charset="utf-8")
    return message


class Post:
    """See ``services.Mail``."""

    def __init__(self, settings: OrchestratorSettings, queue: JobQueue, clock: Clock) -> None:
        self._queue, self._clock, self._sender = queue, clock, settings.mail_from
        url = settings.smtp_url.get_secret_value()
        self.folder = None if url else Folder(settings.state_dir / "mail")
        self._delivery: Delivery = self.folder or Smtp.parse(url)

    async def send(self, scope: TenantScope | ResellerScope | PlatformScope, to: str, subject: str, text: str) -> None:
        """Queue a mail in the transaction of the scope."""
        await self._queue_up(scope, "text", to, subject, text)

    async def send_reset(self, scope: PlatformScope, to: str) -> None:
        """Queue a look at whether this address has an account, and if so a mail for a new password."""
        await self._queue_up(scope, "reset", to, "", "")

    async def deliver(self, id: str, to: str, subject: str, text: str) -> None:
        """Send one now; for the job."""
        await self._delivery.deliver(compose(id, self._sender, to, subject, text, self._clock()), id)

    async def _queue_up(self, scope: TenantScope | ResellerScope | PlatformScope, kind: str, to: str, subject: str, text: str) -> None:
        now = self._clock()
        made = new_id("mail", now)
        tenant = scope.tenant if isinstance(scope, TenantScope) else None
        row = {"id": made, "tenant_id": tenant, "kind": kind, "recipient": to, "subject": subject, "secret_text": text, "created_at": now}
        await scope.session.execute(insert(MailRow).values(row))
        job = self._queue.configure_task(SEND, connection=await raw_connection(scope.session))
        await job.defer_async(mail=made)


def make_mail(settings: OrchestratorSettings, queue: JobQueue, clock: Clock) -> Post:
    """The mail of these settings; ConfigError if they are wrong."""
    _, address = parseaddr(settings.mail_from)
    if "@" not in address:
        raise ConfigError("OFFHOOK_ORCHESTRATOR_MAIL_FROM is not a mail address")
    return Post(settings, queue, clock)


def post(mail: object) -> Post:
    """The services' mail as what ``make_mail`` made of it."""
    if not isinstance(mail, Post):
        raise ConfigError("the services' mail was made by somebody else")
    return mail
