"""Mail: sent by a job to a server, put off or given up as the server says, or written to a folder with a page."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr
from tests.e2e.business import ADMIN, House, open_house
from tests.e2e.people import Street, open_street

from offhook.errors import AdapterUnavailable, ConfigError
from offhook.orchestrator.people.jobs import send_mail

USER, WORD = "mailer", "p:w/d%"


class Inbox:
    """A mail server's end of it: takes mails, or answers as the test says."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answer = "250 taken"
        self.refuse: str | None = None
        self.tls: list[bool] = []

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802
        if self.refuse is not None:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.tls.append(session.ssl is not None)
        if self.answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return self.answer


@contextmanager
def mail_server(inbox: Inbox, **options: Any) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    controller = Controller(inbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def login(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), WORD.encode())
    return AuthResult(success=right, handled=False)  # the server answers in our place


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for localhost in one file."""
    key, name, now = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string("CN=localhost"), datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + made.public_bytes(Encoding.PEM))
    return path


@pytest.fixture
async def sending(database_url: str, owner_url: str, tmp_path: Path) -> AsyncIterator[tuple[House, Inbox]]:
    inbox = Inbox()
    with mail_server(inbox) as port:
        settings: dict[str, Any] = {
            "smtp_url": SecretStr(f"smtp://127.0.0.1:{port}?tls=none"),
            "mail_from": "Offhook Désk <desk@platform.example>",
        }
        async with open_house(database_url, tmp_path, owner_url=owner_url, **settings) as house:
            yield house, inbox


async def _waiting(house: House) -> list[str]:
    return [row.id for row in await house.look("select id from mail order by id")]


async def test_a_worker_sends_what_a_request_has_queued(sending: tuple[House, Inbox]) -> None:
    house, inbox = sending
    await house.ask("POST", "/members", {"email": "bob@harbour.example", "role": "viewer"})

    async def sent() -> bool:
        return bool(inbox.mails)

    await house.work_until(sent)
    (mail,) = inbox.mails
    assert mail["to"] == "bob@harbour.example"
    assert mail["from"].addresses[0].display_name == "Offhook Désk"
    assert mail["from"].addresses[0].addr_spec == "desk@platform.example"
    assert mail["subject"] == "Your invitation to Harbour Plumbing"
    assert mail["auto-submitted"] == "auto-generated"
    assert mail["date"].datetime == house.now[0]
    assert "/invitations/" in mail.get_content()
    assert await _waiting(house) == []


async def test_a_request_that_fails_sends_nothing(sending: tuple[House, Inbox]) -> None:
    house, _ = sending
    key = await house.key("members.write", "tenant.read")
    assert (await house.ask("POST", "/members", {"email": "bob@harbour.example", "role": "tenant_owner"}, **key)).status_code == 403
    assert await _waiting(house) == []


async def test_a_mail_that_the_server_puts_off_is_tried_again(sending: tuple[House, Inbox]) -> None:
    house, inbox = sending
    await house.ask("POST", "/members", {"email": "bob@harbour.example", "role": "viewer"})
    (mail,) = await _waiting(house)
    inbox.answer = "451 try again later"
    with pytest.raises(AdapterUnavailable):
        await send_mail(house.services, mail)
    inbox.refuse = "450 mailbox busy"
    with pytest.raises(AdapterUnavailable):
        await send_mail(house.services, mail)
    assert await _waiting(house) == [mail]
    inbox.answer, inbox.refuse = "250 ok", None
    assert await send_mail(house.services, mail) is True
    assert await send_mail(house.services, mail) is False
    assert len(inbox.mails) == 1


async def test_a_mail_that_the_server_refuses_for_good_is_given_up(sending: tuple[House, Inbox]) -> None:
    house, inbox = sending
    for answer, refuse in (("550 no", None), ("250 ok", "550 no such mailbox")):
        await house.ask("POST", "/members", {"email": "bob@harbour.example", "role": "viewer"})
        inbox.answer, inbox.refuse = answer, refuse
        for mail in await _waiting(house):
            assert await send_mail(house.services, mail) is True
        assert await _waiting(house) == []
    assert inbox.mails == []


async def test_nobody_there_is_for_later(database_url: str, owner_url: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with open_house(database_url, tmp_path, owner_url=owner_url, smtp_url=SecretStr(f"smtp://127.0.0.1:{port}?tls=none")) as house:
        await house.ask("POST", "/members", {"email": "bob@harbour.example", "role": "viewer"})
        (mail,) = await _waiting(house)
        with pytest.raises(AdapterUnavailable):
            await send_mail(house.services, mail)
        assert (await house.http.get("/dev/mail", headers={"host": "localhost"})).status_code == 404


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # aiosmtpd does not count TLS from the start
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_mail_goes_over_tls_with_a_login(scheme: str, certificate: Path, database_url: str, owner_url: str, tmp_path: Path) -> None:
    inbox, context = Inbox(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    kind: dict[str, Any] = {"ssl_context": context} if scheme == "smtps" else {"tls_context": context, "require_starttls": True}
    options = {"authenticator": login, "auth_required": True, "auth_require_tls": scheme == "smtp"}
    with mail_server(inbox, **kind, **options) as port:
        for word, trusted, right in ((WORD, True, True), ("wrong", True, False), (WORD, False, False)):
            user = httpx.URL(username=USER, password=word).userinfo.decode()
            url = f"{scheme}://{user}@localhost:{port}" + (f"?ca={certificate}" if trusted else "")
            async with open_house(database_url, tmp_path, owner_url=owner_url, smtp_url=SecretStr(url)) as house:
                await house.ask("POST", "/members", {"email": f"p{word[0]}{trusted}@harbour.example", "role": "viewer"})
                mail = (await _waiting(house))[0]
                if trusted and right:
                    assert await send_mail(house.services, mail) is True
                else:  # the settings are wrong: nothing is given up for that
                    with pytest.raises(AdapterUnavailable):
                        await send_mail(house.services, mail)
    assert len(inbox.mails) == 1


@pytest.mark.parametrize("url", ["http://x", "smtp://", "smtp://host:port", "smtp://host?tls=maybe"])
async def test_settings_that_are_wrong_are_named(url: str, database_url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="SMTP_URL"):
        async with open_house(database_url, tmp_path, smtp_url=SecretStr(url)):
            pass


@pytest.fixture
async def street(house: House) -> AsyncIterator[Street]:
    async with open_street(house) as found:
        yield found


async def test_in_development_mails_are_on_a_page_of_this_machine(street: Street) -> None:
    http, local = street.house.http, {"host": "localhost:8080"}
    assert "None yet" in (await http.get("/dev/mail", headers=local)).text
    await street.house.http.patch("/v1/tenants/harbour", json={"name": "<b>Bob & Co</b>"}, headers=ADMIN | {"if-match": "*"})
    await street.house.ask("POST", "/members", {"email": "bob@harbour.example", "role": "viewer"})
    (letter,) = await street.letters()
    page = await http.get("/dev/mail", headers=local)
    assert page.status_code == 200
    assert "script-src 'self' 'nonce-" in page.headers["content-security-policy"]
    assert "<h2>Your invitation to &lt;b&gt;Bob &amp; Co&lt;/b&gt;</h2>" in page.text
    link = next(line for line in letter.text.splitlines() if line.startswith("http"))
    assert f'<a href="{link}">{link}</a>' in page.text
    assert "<b>Bob" not in page.text
    (listed,) = (await http.get("/v1/dev/mail", headers=local)).json()
    assert (listed["to"], listed["text"]) == ("bob@harbour.example", letter.text)
    mode = (street.house.settings.state_dir / "mail").stat().st_mode
    assert mode & 0o077 == 0

    for headers in ({"host": "evil.example"}, {"host": "localhost", "x-forwarded-for": "1.2.3.4"}, {"host": "orchestrator"}):
        assert (await http.get("/dev/mail", headers=headers)).status_code == 404
        assert (await http.get("/v1/dev/mail", headers=headers)).status_code == 404
    far = httpx.ASGITransport(street.house.app, client=("10.0.0.9", 5))
    async with httpx.AsyncClient(transport=far, base_url="http://localhost") as other:
        assert (await other.get("/dev/mail")).status_code == 404


async def test_an_installation_with_a_public_address_has_no_such_page(database_url: str, owner_url: str, tmp_path: Path) -> None:
    async with open_house(database_url, tmp_path, owner_url=owner_url, portal_url="https://portal.example") as house:
        assert (await house.http.get("/dev/mail", headers={"host": "localhost"})).status_code == 404
