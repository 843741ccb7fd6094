"""What carriers' webhooks have in common: a small body, bounded before anybody has shown who they are, and a signature."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeAlias
from urllib.parse import parse_qsl

from fastapi import Path, Request, Response

from offhook.errors import Invalid, NotPermitted
from offhook.orchestrator.carriers import accounts
from offhook.orchestrator.carriers.dialects import MOVERS, TALKS
from offhook.orchestrator.carriers.schemas import Credentials
from offhook.orchestrator.carriers.steps import Heard, Raw, Step, Talk
from offhook.orchestrator.services import Services

MAX_FIELDS: Final = 200
MAX_BODY: Final = 64_000
UNSIGNED: Final = "the request is not signed by the carrier"
Carrier: TypeAlias = Annotated[str, Path(pattern=f"^({'|'.join(sorted(MOVERS))})$")]
"""In the path of a webhook."""
DOCUMENT: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"application/xml": {}}}}


@dataclass(frozen=True, slots=True)
class Word:
    """What a webhook says whose signature is good, and in which dialect it is answered."""

    talk: Talk
    heard: Heard


async def signed(request: Request, given: Services, tenant: str, account: str | None, kind: str) -> Word:
    """A webhook about a tenant's call at this carrier account (None: the platform's own); NotPermitted if it is not signed.

    For webhooks that name the carrier and the tenant in their path: transfers and outgoing calls.
    """
    opened = Credentials(account_sid="", auth_token=given.settings.twilio_auth_token)
    if account is not None:
        async with given.database.tenant(tenant) as scope:
            opened = await accounts.credentials(scope, given, account)
    if opened.kind != kind or kind not in MOVERS:
        raise NotPermitted(UNSIGNED)
    talk = TALKS[kind]
    raw = await raw_of(request, given, talk)
    check(given, talk, raw, opened)
    return Word(talk, talk.heard(raw))


def answer(talk: Talk, *steps: Step) -> Response:
    """What the carrier is to do, in its words."""
    return Response(talk.document(steps), media_type=talk.media)


def check(given: Services, talk: Talk, raw: Raw, opened: Credentials | None) -> None:
    """NotPermitted unless this account's carrier has signed the request, for our public URL."""
    if given.settings.unsigned_carriers:
        return
    now = given.clock().timestamp()
    if opened is None or not given.settings.public_url or not talk.signed(raw, opened, talk.heard(raw), now):
        given.limits.strangers.take(raw.source)
        raise NotPermitted(UNSIGNED)


async def raw_of(request: Request, given: Services, talk: Talk) -> Raw:
    """A request as its carrier meant it: to our public address, as Host proves nothing; Invalid for what is no small form or object.

    TooManyRequests for an address that many unsigned ones have come from: nothing is looked up for it.
    """
    source = request.client.host if request.client else ""
    if (wait := given.limits.strangers.wait(source)) > 0:  # it has sent many that nobody has signed
        raise given.limits.refused(wait)
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            raise Invalid("the form is too large")
    query = f"?{request.url.query}" if request.url.query else ""
    url = given.settings.public_url.rstrip("/") + request.url.path + query
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Raw(url, headers, body, _fields(body) if talk.form else {}, {} if talk.form else _object(body), source)


def _fields(body: bytes) -> dict[str, list[str]]:
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise Invalid("the body is not a form as a carrier sends it") from error
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Invalid("the body is not JSON as a carrier sends it") from error
    if not isinstance(found, dict):
        raise Invalid("the body is not JSON as a carrier sends it")
    return found
