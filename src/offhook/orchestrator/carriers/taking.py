"""Carriers' webhooks: a call comes in, and what follows when its media ends. One flow for all; how each says it is its dialect's.

The document connects the call to the media socket. When that ends, the carrier asks ``after``: a call that was ended properly is hung
up; one whose media broke goes to the fallback. With carriers that go on by themselves, what follows the connection in the document is
that fallback too, should we not answer.

A webhook is signed with a secret of the carrier account that the dialled number belongs to, or the installation's own (Twilio's) for a
number without one. Whatever is wrong with a signature is answered in the same words.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import anyio
from fastapi import APIRouter, Depends, Request, Response

from offhook.errors import Invalid, NotFound, OffhookError
from offhook.orchestrator.access import Given
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.carriers import accounts, attaching, fallback, ops, webhooks
from offhook.orchestrator.carriers.dialects import TALKS
from offhook.orchestrator.carriers.schemas import Credentials
from offhook.orchestrator.carriers.steps import Connect, Dial, HangUp, Heard, Reject, Step, Talk
from offhook.orchestrator.live import engines
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.numbers.schemas import Owner
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tolls import ops as tolls
from offhook.orchestrator.transfers import ops as transfers

POLL: Final = 0.1
SLACK: Final = 5
"""Seconds that a place outlives the token of its media."""
PROPER: Final = frozenset({"hangup", "finished", "transferred", "limit", "idle", "held", "stopped"})
"""Reasons of call.ended after which nobody is to be rung."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ring:
    """A webhook whose signature is good."""

    heard: Heard
    owner: Owner | None


def signed_by(talk: Talk) -> Callable[[Request, Given], Awaitable[Ring]]:
    """A dependency: what a webhook says that the carrier signed for our public URL; NotPermitted otherwise."""

    async def ring(request: Request, given: Given) -> Ring:
        raw = await webhooks.raw_of(request, given, talk)
        heard = talk.heard(raw)
        async with given.database.platform() as platform:
            owner = await numbers.owner(platform, heard.to)
        if not given.settings.unsigned_carriers:
            webhooks.check(given, talk, raw, await _opened(given, owner, talk.kind))
        return Ring(heard, owner)

    return ring


async def _opened(given: Services, owner: Owner | None, kind: str) -> Credentials | None:
    """The account whose secret signs webhooks of this number; None if there is none of this kind."""
    if owner is None or owner.account is None:
        return Credentials(account_sid="", auth_token=given.settings.twilio_auth_token) if kind == "twilio" else None
    async with given.database.tenant(owner.tenant) as scope:
        try:
            opened = await accounts.credentials(scope, given, owner.account)
        except OffhookError as error:
            _log.error("carrier account %s of tenant %s cannot be used: %s", owner.account, owner.tenant, error.public)
            return None
    return opened if opened.kind == kind else None


def router_of(talk: Talk, *, voice: str = "voice", after: str = "after", prefix: str = "") -> APIRouter:
    """A carrier's routes: where calls come in, what follows the media, and a document that only hangs up. ``prefix`` of their names."""
    router = APIRouter(prefix=f"/carriers/{talk.kind}", tags=["carriers"])
    signed = Depends(signed_by(talk))
    said: dict[int | str, dict[str, Any]] = {200: {"content": {talk.media: {}}}}

    async def voice_route(given: Given, ring: Ring = signed) -> Response:
        return _answer(talk, await _voice(talk, ring, given))

    async def after_route(given: Given, ring: Ring = signed) -> Response:
        if ring.owner is not None and (taken := await transfers.media_ended(given, ring.owner.tenant, ring.heard.carrier_call)):
            return _answer(talk, taken)  # somebody has the call: what ended is only its media
        return _answer(talk, await _after(talk, ring, given))

    async def dialled_route(given: Given, ring: Ring = signed) -> Response:
        return _answer(talk, await _on(talk, ring, given, fallback.dialled))

    async def message_route(given: Given, ring: Ring = signed) -> Response:
        return _answer(talk, await _on(talk, ring, given, fallback.left))

    async def hang_up_route(_: Ring = signed) -> Response:
        return _answer(talk, [HangUp()])

    asked = (
        ("dialled", dialled_route, "dialled", "The fallback's person was rung: hang up after a talk, else a message after a tone."),
        ("message", message_route, "message", "A caller has left a message."),
    )
    for path, endpoint, name, about in (
        *(asked if talk.asks else ()),
        (voice, voice_route, "voice", "A call comes in: a document that brings its media to an engine, or refuses it unanswered."),
        (after, after_route, "after", "The media has ended: hang up after a proper end, else the fallback."),
        ("hang-up", hang_up_route, "hang_up", "What somebody hears who answers a self-test's call: nothing."),
    ):  # fmt: skip
        router.add_api_route(
            f"/{path}",
            endpoint,
            methods=["POST"],
            name=f"{prefix}{name}",
            description=about,
            responses=said,
            response_class=Response,
        )
    return router


async def _voice(talk: Talk, ring: Ring, given: Services) -> list[Step]:
    heard, owner = ring.heard, ring.owner
    if not heard.carrier_call:
        raise Invalid("CallSid is missing" if talk.form else "uuid is missing")
    if owner is None:
        async with given.database.platform() as platform:
            await numbers.stray(platform, heard.to, given.clock())
        return [Reject()]
    async with given.database.tenant(owner.tenant) as scope:
        return await _take(scope, given, owner, heard, talk.kind)


async def _take(scope: TenantScope, given: Services, owner: Owner, heard: Heard, kind: str) -> list[Step]:
    """What is done with a call to a number of ours."""
    now = given.clock()
    if await attaching.rang(scope, owner.did, heard.caller, now):
        return [Reject()]
    if owner.suspended or not owner.enabled:
        await numbers.refused(scope, owner.number, "suspended" if owner.suspended else "disabled", now)
        return [Reject()]
    try:
        agent = await agents.live(scope, owner.agent)
    except NotFound:
        await numbers.refused(scope, owner.number, "no_agent", now)
        return [Reject()]
    until = now + timedelta(seconds=given.settings.token_ttl_s + SLACK)
    if await numbers.place(scope, owner.number, now, until, carrier_call=heard.carrier_call) != "placed":
        target = owner.overflow or owner.fallback
        if target and not await tolls.passable(scope, given, target, "overflow"):
            target = None
        return [Dial(target) if target else Reject(busy=True)]
    token = await ops.mint(scope, heard.carrier_call, owner.did, heard.caller, now, given.settings.token_ttl_s)
    base = given.settings.public_url.rstrip("/") or given.settings.base_url
    after = f"{base}/carriers/{kind}/{'event' if kind == 'vonage' else 'after'}"
    connect = Connect(given.settings.stream_to(kind), after, token, owner.did, heard.caller, heard.carrier_call)
    return [connect, *fallback.plain(owner.fallback or owner.overflow, agent.locale)]


async def _after(talk: Talk, ring: Ring, given: Services) -> list[Step]:
    owner, carrier_call = ring.owner, ring.heard.carrier_call
    if owner is None or ring.heard.over:
        return [HangUp()]
    async with given.database.tenant(owner.tenant) as scope:
        await numbers.release_carrier(scope, carrier_call)
    if await _ended_properly(given, owner.tenant, carrier_call):
        return [HangUp()]
    return await _on(talk, ring, given, fallback.begin)


async def _on(talk: Talk, ring: Ring, given: Services, step: fallback.Stage) -> list[Step]:
    """A stage of the fallback."""
    if ring.owner is None:
        return [HangUp()]
    async with given.database.tenant(ring.owner.tenant) as scope:
        return await step(fallback.Stranded(scope, given, ring.owner, ring.heard, talk))


async def _ended_properly(given: Services, tenant: str, carrier_call: str) -> bool:
    """Whether the call's last event says so; it may come a moment after the carrier asks, but not from an engine that is gone. A call that
    never came to us did not end properly.
    """
    with anyio.move_on_after(given.settings.end_grace_s):
        while True:
            async with given.database.tenant(tenant) as scope:
                call = await calls.by_carrier_call(scope, carrier_call)
            if call is None or call.reason is not None:
                return call is not None and call.reason in PROPER
            if await engines.gone(given, call.engine_url):
                return False
            await anyio.sleep(POLL)
    return False


def _answer(talk: Talk, steps: list[Step]) -> Response:
    return Response(talk.document(steps), media_type=talk.media)


def _router(talk: Talk) -> APIRouter:
    if talk.kind == "twilio":
        return router_of(talk)
    if talk.kind == "vonage":
        return router_of(talk, voice="answer", after="event", prefix="vonage_")
    return router_of(talk, prefix=f"{talk.kind}_")


routers: tuple[APIRouter, ...] = tuple(_router(talk) for talk in TALKS.values())
