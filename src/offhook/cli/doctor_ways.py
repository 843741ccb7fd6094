"""``offhook doctor``: whether callers are still somewhere when one part of us, or all of it, is down.

The processes' settings are looked at as they are here. ``--fallbacks`` asks a running orchestrator for each tenant's numbers, and through
it each carrier for what it does when we do not answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from offhook.cli.doctor_line import Line
from offhook.engine.settings import EngineSettings
from offhook.orchestrator.settings import OrchestratorSettings

HOWTO: Final = "docs/howto/never-just-die.md says how"
PAGES: Final = 100
"""Pages of a list that are read, at most."""


def secret(engine: EngineSettings, orchestrator: OrchestratorSettings) -> Line:
    """Whether both sides of the wall sign with the same secret."""
    ours = engine.secret.get_secret_value()
    if not ours:
        return Line("warn", "shared secret", "the engine has none here", "`offhook up` makes one; else set OFFHOOK_ENGINE_SECRET")
    if ours not in orchestrator.secrets:
        told = "the engine's is not the orchestrator's: every plan would be refused"
        return Line("fail", "shared secret", told, "set OFFHOOK_ENGINE_SECRET and OFFHOOK_ORCHESTRATOR_SECRET to the same")
    return Line("ok", "shared secret", "the same on both sides")


def addresses(orchestrator: OrchestratorSettings) -> Iterator[Line]:
    """Whether a carrier can reach us by the addresses that it is given."""
    name = "OFFHOOK_ORCHESTRATOR_PUBLIC_URL"
    if not orchestrator.public_url:
        yield Line("warn", "public address", "none: no carrier can ring here", f"set {name} to https://..., if carriers shall")
        return
    parts = urlsplit(orchestrator.public_url)
    if parts.scheme != "https" or not parts.hostname or parts.path.strip("/") or parts.query:
        told = f"{orchestrator.public_url} is no https address of a host alone"
        yield Line("fail", "public address", told, f"set {name} to something like https://voice.example.com: it is part of signatures")
    else:
        yield Line("ok", "public address", orchestrator.public_url)
    stream = urlsplit(orchestrator.stream_url)
    if stream.scheme != "wss" or stream.query:
        told = f"{orchestrator.stream_url} is no wss address without a query"
        yield Line("fail", "media address", told, "set OFFHOOK_ORCHESTRATOR_MEDIA_URL to wss://...: carriers take nothing else")
    else:
        yield Line("ok", "media address", orchestrator.stream_url)


def fallbacks(http: httpx.Client, tenant: str | None, ours: str) -> Iterator[Line]:
    """Of each number: whether there is somebody when its agent cannot go on, and something when nothing of ours answers.

    ``ours`` is our public address: a fallback there is none.
    """
    try:
        tenants = [_one(http, f"/v1/tenants/{tenant}")] if tenant else _all(http, "/v1/tenants")
        for one in tenants:
            yield from _tenant(http, one, ours)
    except httpx.HTTPError as error:
        yield Line("fail", "fallbacks", f"the orchestrator does not answer: {type(error).__name__}", "start it, or say --url and --token")


def _tenant(http: httpx.Client, tenant: dict[str, Any], ours: str) -> Iterator[Line]:
    path = f"/v1/tenants/{tenant['id']}"
    for number in _all(http, f"{path}/numbers"):
        what = f"{tenant['id']} {number['did']}"
        person = tenant.get("fallback_number") or number.get("overflow")
        if person:
            yield Line("ok", what, f"callers go to {person} when the agent cannot go on")
        else:
            yield Line("warn", what, "nobody takes callers when the agent cannot go on: they may leave a message", HOWTO)
    for account in _all(http, f"{path}/carrier-accounts"):
        yield from _account(http, f"{path}/carrier-accounts/{account['id']}", tenant["id"], ours)


def _account(http: httpx.Client, path: str, tenant: str, ours: str) -> Iterator[Line]:
    answer = http.get(f"{path}/numbers")
    if answer.status_code != 200:
        told = f"its carrier does not list its numbers ({answer.status_code})"
        yield Line("warn", f"{tenant} carrier account", told, "look at each number's fallback in the carrier's console")
        return
    for number in answer.json()["data"]:
        if not number["rings_here"]:
            continue
        what, url = f"{tenant} {number['did']} at the carrier", number["fallback_url"]
        if not url:
            yield Line("fail", what, "nothing answers when all of ours is down", HOWTO)
        elif ours and urlsplit(url).hostname == urlsplit(ours).hostname:
            yield Line("fail", what, f"its fallback {url} is ours: it is down when we are", HOWTO)
        else:
            yield Line("ok", what, f"{url} answers when all of ours is down")


def _one(http: httpx.Client, path: str) -> dict[str, Any]:
    answer = http.get(path)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def _all(http: httpx.Client, path: str) -> Iterator[dict[str, Any]]:
    cursor: str | None = None
    for _ in range(PAGES):
        answer = http.get(path, params={"limit": 100, **({"cursor": cursor} if cursor else {})})
        answer.raise_for_status()
        found = answer.json()
        yield from found["data"]
        cursor = found.get("next_cursor")
        if not cursor:
            return
