"""What other domains ask of numbers."""

from __future__ import annotations

import phonenumbers

from offhook.errors import Conflict
from offhook.orchestrator.numbers.repo import Directory, NumberRepo
from offhook.orchestrator.scope import PlatformScope, TenantScope
from offhook.orchestrator.tenants.schemas import Business


async def owner(scope: PlatformScope, did: str) -> tuple[str, str] | None:
    """Tenant and agent ids for a number in any usual form; None if it is nobody's."""
    number = e164(did, "GB")
    return await Directory(scope).owner(number) if number else None


async def seed(scope: TenantScope, business: Business) -> None:
    """Give a document's numbers to its agent; Conflict if one is taken."""
    for did in business.numbers:
        if not await NumberRepo(scope).put(did, business.agent):
            raise Conflict("this number cannot be added here")


def e164(text: str, region: str) -> str | None:
    """A phone number in any usual form as E.164; None if it is none. A number without a country code belongs to ``region``."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if phonenumbers.is_possible_number(number) else None
