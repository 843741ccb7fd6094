"""Mail addresses: what is taken for one, and as which account. Pure."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, StringConstraints

LONGEST: Final = 254
_LOCAL: Final = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ADDRESS: Final = re.compile(rf"(?=.{{1,64}}@){_LOCAL}@{_LABEL}(?:\.{_LABEL})*")
_DOMAIN: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")


def canonical(text: str) -> str:
    """The address in lower case: one mailbox, one account. ValueError for what is none (RFC 5321, without quoted and non-ASCII names)."""
    address = text.strip().lower()
    if len(address) > LONGEST or not _ADDRESS.fullmatch(address):
        raise ValueError("is not a mail address")
    return address


def canonical_domain(text: str) -> str:
    """A domain in lower case; ValueError for what is none."""
    domain = text.strip().lower()
    if len(domain) > 253 or not _DOMAIN.fullmatch(domain):
        raise ValueError("is not a domain")
    return domain


def domain_of(address: str) -> str:
    """The domain of a canonical address."""
    return address.rpartition("@")[2]


Email = Annotated[str, StringConstraints(max_length=LONGEST), AfterValidator(canonical)]
MailDomain = Annotated[str, StringConstraints(max_length=253), AfterValidator(canonical_domain)]
