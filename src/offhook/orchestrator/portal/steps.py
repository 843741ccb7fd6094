"""What the pages with forms have in common: a step that is done whole or refused, taken once, and from what was seen."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from offhook.errors import Conflict, DomainError, NotFound, PreconditionFailed
from offhook.orchestrator.auth.access import TenantAccess
from offhook.orchestrator.kit import once
from offhook.orchestrator.kit.paging import position_of
from offhook.orchestrator.kit.whole import whole
from offhook.orchestrator.portal.forms import Typed, refused
from offhook.orchestrator.portal.show import _
from offhook.orchestrator.services import Services

ONCE: Final = "_once"
"""The field that names one showing of a form."""
REVISION: Final = "_revision"
"""The field that names what a form was filled in from."""
PART: Final = 50
"""Rows of a list that a page shows at once."""


FIXES: Final[Mapping[str, str]] = {
    "did": "Type a phone number, such as 020 7946 0000.",
    "agent_id": "Choose an agent.",
    "label": "Use up to 100 letters in one line.",
    "description": "Use up to 200 letters in one line.",
    "overflow": "Type a phone number, or leave it empty.",
    "max_calls": "Type a whole number from 1 to 10,000, or leave it empty.",
    "account_sid": "Type AC and the 32 digits behind it, as the console shows them.",
    "auth_token": "Type the token as the console shows it: 16 to 200 letters and digits without spaces.",
    "api_key_sid": "Type SK and the 32 digits behind it, together with its secret.",
    "api_key_secret": "Type the secret as it was shown: 16 to 200 letters and digits without spaces.",
    "auth": "Choose one of the two.",
    "host": "Type a host, such as sip.carrier.example:5060.",
    "user": "Type the user name as the carrier shows it, without spaces.",
    "password": "Type the password as the carrier shows it: up to 200 letters and digits without spaces.",
    "sources": "Type addresses or networks, such as 198.51.100.7 or 198.51.100.0/24.",
    "codecs": "Type some of PCMU, PCMA, G722 and opus, each once.",
    "space": "Type the host of your dashboard, such as example.signalwire.com.",
    "public_key": "Type the public key as the portal shows it: 44 letters and digits.",
    "application_id": "Type the application's ID: digits only.",
    "url": "Type an https address, such as https://example.com/hook.",
    "types": "Choose at least one kind of event.",
    "overlap_hours": "Type a whole number of hours, up to 168.",
    "which": "Choose one of the two.",
    "name": "Type a name in one line.",
    "timezone": "Choose a time zone.",
    "region": "Type the two letters of a country, such as GB.",
    "locale": "Type a language such as en-GB.",
    "fallback_number": "Type a phone number, or leave it empty.",
    "retention_days": "Type a whole number of days, or leave it empty.",
    "visit_minutes": "Type a whole number of minutes, from 5 to 1,440.",
    "lead_minutes": "Type a whole number of minutes, up to 43,200.",
    "horizon_days": "Type a whole number of days, from 1 to 180.",
    "staff": "Use small letters, digits, - and _ for names, up to 32 of them.",
    "email": "Use an address such as ann@example.com.",
    "role": "Choose a role.",
    "issuer": "Type an https address, such as https://accounts.google.com.",
    "client_id": "Type the client id as the provider shows it.",
    "client_secret": "Type the client secret as the provider shows it.",
    "domains": "Type at least one domain, such as example.com.",
    "default_role": "Choose a role.",
    "api_key": "Type the key as the vendor shows it: 16 to 500 letters and digits without spaces.",
    "new_key": "Type the key as the vendor shows it: 16 to 500 letters and digits without spaces.",
    "base_url": "Type an https address, or leave it empty.",
    "permissions": "Choose at least one thing that it may do.",
}
"""What to do about a field whose form is wrong. A checker's own words are for programs."""


class SentTwice(Conflict):
    """A form that was taken already."""

    code = "sent_twice"


class ChangedMeanwhile(PreconditionFailed):
    """A form that was filled in from what is no longer there."""


@dataclass(slots=True)
class Step:
    """What came of it: ``typed`` is the form again where it was refused."""

    typed: Typed | None = None
    error: DomainError | None = None


@asynccontextmanager
async def step(
    access: TenantAccess, fields: Mapping[str, str], names: Mapping[str, str] | None = None, secret: tuple[str, ...] = ()
) -> AsyncIterator[Step]:
    """Do what a form asks for, all of it or nothing. What is not there is NotFound as ever; all else that is wrong is said at the form.

    ``secret``: fields that are not shown again.
    """
    tried = Step()
    try:
        async with whole(access.scope):
            yield tried
    except NotFound:
        raise
    except (DomainError, ValidationError) as error:
        tried.typed = shown_again(fields, error, names, secret)
        tried.error = error if isinstance(error, DomainError) else None


def shown_again(
    fields: Mapping[str, str], error: DomainError | ValidationError, names: Mapping[str, str] | None = None, secret: tuple[str, ...] = ()
) -> Typed:
    """A form that was refused, without its secrets and without what stands for this showing of it."""
    kept = {name: value for name, value in fields.items() if name not in {ONCE, REVISION, *secret}}
    found = refused(kept, error, {name: name for name in secret} | dict(names or {}))
    if isinstance(error, DomainError):
        return found
    return replace(found, errors={name: _(FIXES[name]) if name in FIXES else _plain(said) for name, said in found.errors.items()})


def _plain(said: str) -> str:
    """A checker's sentence without what it says of itself."""
    text = said.removeprefix("Value error, ")
    return text[:1].upper() + text[1:]


def fresh() -> str:
    """A name for this showing of a form."""
    return secrets.token_urlsafe(16)


async def first(access: TenantAccess, fields: Mapping[str, str]) -> None:
    """SentTwice if this showing of the form was taken before. Inside a ``step``."""
    if await before(access, fields) is not None:
        raise SentTwice(_("This was sent already. Look whether it is there before you send it again."))


async def before(access: TenantAccess, fields: Mapping[str, str]) -> str | None:
    """What this showing of the form was answered with before; None if it was not."""
    return await once.seen(access, _key(fields))


async def keep(access: TenantAccess, fields: Mapping[str, str], text: str) -> None:
    """Keep what it is answered with, for when it comes once more."""
    await once.remember(access, _key(fields), text)


def _key(fields: Mapping[str, str]) -> str:
    key = fields.get(ONCE, "")
    if not 0 < len(key) <= 64 or not key.isascii() or not key.isprintable():
        raise SentTwice(_("This form is too old. Fill it in once more."))
    return key


def unchanged(fields: Mapping[str, str], revision: int) -> None:
    """ChangedMeanwhile unless the form was filled in from this revision. Inside a ``step``."""
    if fields.get(REVISION) != str(revision):
        raise ChangedMeanwhile(_("Somebody else has changed this since you opened it. Look at it, then save again."))


def after(given: Services, filters: Mapping[str, Any], cursor: str | None) -> tuple[datetime, str] | None:
    """Where a list by time goes on."""
    position = position_of(given, filters, cursor)
    return (datetime.fromisoformat(position[0]), str(position[1])) if position else None


def given_or_none(fields: Mapping[str, str], name: str) -> str | None:
    """A field's text without the space around it; None where nothing was typed."""
    return fields.get(name, "").strip() or None
