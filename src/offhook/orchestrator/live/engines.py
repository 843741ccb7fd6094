"""Requests to engines: signed, each for one purpose, and for one call if it is about one."""

from __future__ import annotations

import functools
import hashlib
import json
import ssl
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

import httpx
from pydantic import ValidationError

from offhook import signing
from offhook.contracts.control import Glimpse
from offhook.contracts.dial import Dial, Dialled
from offhook.contracts.rehearsal import RehearsalRequest, Rehearsed
from offhook.errors import Conflict, Fault, Invalid, Retry, TooManyRequests, Unreachable
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.services import Services
from offhook.orchestrator.settings import OrchestratorSettings

TIMEOUT: Final = 3.0
"""Seconds that an engine has to answer: taking a command is a step of its turn machine."""
GONE_TIMEOUT: Final = 1.0
WATCH_TIMEOUT: Final = 25.0
"""An engine that is watched says something every ten seconds."""
REHEARSAL_TIMEOUT: Final = 25.0
"""An engine gives a turn of a text test 20 s."""
Action = Literal["say", "transfer", "end", "answered"]
Lost: TypeAlias = Literal["gone", "silent"]
"""Of an engine that does not say how far a call is: it is not there any more or knows nothing of it, or nobody knows."""


def reachable(settings: OrchestratorSettings, url: str) -> bool:
    """Whether requests go to an engine that says it is there: by http or https, and to one of the settings' own if they name any."""
    try:
        parts = urlsplit(url)
        plain = bool(parts.hostname) and parts.scheme in {"http", "https"} and parts.username is None and parts.port != 0
    except ValueError:
        return False
    if not plain or parts.query or parts.fragment or not url.isascii() or any(letter <= " " for letter in url):
        return False
    return not settings.engine_urls or url.rstrip("/") in {one.rstrip("/") for one in settings.engine_urls}


def nonce(now: datetime, *same: str) -> str:
    """What tells one command from the next: the same for the same request sent again, if it says that it is (``same``)."""
    return hashlib.sha256("\n".join(same).encode()).hexdigest()[:32] if all(same) else new_id("cmd", now)


async def command(given: Services, url: str, action: Action, call: str, body: dict[str, Any], mark: str) -> None:
    """Have a call's engine do something. Conflict, Invalid or Unreachable say why it will not."""
    answer = await _send(given, "POST", url, f"/v1/calls/{call}/{action}", signing.about(action, call, mark), json.dumps(body).encode())
    match answer.status_code:
        case 202:
            return
        case 404:
            raise Conflict("the call is no longer at its engine: it has just ended, or the engine was restarted")
        case 409:
            raise Conflict("the call does not take this now: it is ending, or too many lines are waiting", detail=answer.text[:500])
        case 422 if action == "transfer":
            raise Invalid("the caller cannot be put through there", faults=(Fault("target", "not a transfer target of this call's agent"),))
        case 401:
            raise Unreachable("the call's engine does not accept our signature: engine and orchestrator need the same secret and time")
        case _:
            raise Unreachable("the call's engine does not understand us: both must be of one version", detail=answer.text[:500])


async def watch(given: Services, url: str, call: str) -> AsyncIterator[Glimpse]:
    """What the call's engine tells of it as it happens, until it is over or the engine tells no more. Ends at once where it tells nothing.

    To be closed by who reads it, in the task that does.
    """
    if not reachable(given.settings, url):
        return
    headers = _signed(given, signing.about("watch", call, new_id("cmd", given.clock())), b"")
    try:
        async with (
            _client(WATCH_TIMEOUT) as http,
            http.stream("GET", f"{url.rstrip('/')}/v1/calls/{call}/watch", headers=headers) as answer,
        ):
            if answer.status_code != 200:
                return
            async for line in answer.aiter_lines():
                yield Glimpse.model_validate_json(line)
    except (httpx.HTTPError, httpx.InvalidURL, ValidationError):
        return


async def knows(given: Services, url: str, call: str) -> bool:
    """Whether the engine still has the call. One that does not answer has no calls: media would not get through to it either."""
    about = signing.about("show", call, new_id("cmd", given.clock()))
    try:
        return (await _send(given, "GET", url, f"/v1/calls/{call}", about, b"")).status_code == 200
    except Unreachable:
        return False


async def gone(given: Services, url: str) -> bool:
    """Whether nothing listens where an engine was: it has been killed, or its machine is not there. One that is only slow is not gone."""
    if not reachable(given.settings, url):
        return False
    try:
        async with _client(GONE_TIMEOUT) as http:
            await http.get(f"{url.rstrip('/')}/healthz")
    except httpx.ConnectError:
        return True
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
    return False


async def dial(given: Services, url: str, asked: Dial) -> Dialled | Lost:
    """Have an engine place a call over a trunk, once for each key; how far it is."""
    about = signing.about("dial", asked.key, new_id("cmd", given.clock()))
    return await _dialled(given, "POST", url, "/v1/dial", about, asked.model_dump_json().encode())


async def dialled(given: Services, url: str, key: str, *, stop: bool = False) -> Dialled | Lost:
    """How far a call is that an engine was asked to place; ``stop``: it is to ring no more."""
    about = signing.about("cancel" if stop else "dialled", key, new_id("cmd", given.clock()))
    return await _dialled(given, "DELETE" if stop else "GET", url, f"/v1/dial/{key}", about, b"")


async def _dialled(given: Services, method: str, url: str, path: str, about: str, body: bytes) -> Dialled | Lost:
    try:
        answer = await _send(given, method, url, path, about, body)
        if answer.status_code in {404, 409, 410}:
            return "gone"
        return Dialled.model_validate_json(answer.content) if answer.is_success else "silent"
    except (Unreachable, Conflict, ValidationError):
        return "gone" if await gone(given, url) else "silent"


async def rehearse(given: Services, request: RehearsalRequest) -> Rehearsed:
    """What a plan's models answer in a text test, by the first of the settings' engines that takes it. The request holds keys.

    Unreachable, TooManyRequests or Invalid say why there is no answer.
    """
    body, busy = request.model_dump_json().encode(), False
    for url in given.settings.engine_urls:
        about = signing.about("rehearse", "", new_id("cmd", given.clock()))
        try:
            answer = await _send(given, "POST", url, "/v1/rehearsals", about, body, REHEARSAL_TIMEOUT)
        except Unreachable:
            continue
        if answer.status_code != 503:
            return _rehearsed(answer)
        busy = True
    if busy:
        raise TooManyRequests("the engines have as many tests with models as they take: wait and try again", retry=Retry(5.0))
    raise Unreachable("no engine answers that could ask the agent's models: they have stopped, or engine_urls is wrong")


def _rehearsed(answer: httpx.Response) -> Rehearsed:
    match answer.status_code:
        case 200:
            try:
                return Rehearsed.model_validate_json(answer.content)
            except ValidationError as error:
                raise Unreachable("the engine's answer is not understood: both must be of one version") from error
        case 401 | 403:
            raise Unreachable("the engine does not accept our signature: engine and orchestrator need the same secret and time")
        case 413:
            raise Invalid("the conversation and its agent are too long for a test with models: test it with the rules, or in parts")
        case 504:
            raise Unreachable("the agent's models were not done in time: see the agent's answer_ms, and the vendor's state")
        case _:
            raise Unreachable("the engine takes no tests with models: both must be of one version", detail=answer.text[:500])


async def _send(given: Services, method: str, url: str, path: str, about: str, body: bytes, timeout: float = TIMEOUT) -> httpx.Response:
    if not reachable(given.settings, url):
        raise Conflict("the call's engine takes no commands: it must say where it is reached (OFFHOOK_ENGINE_CONTROL_URL)")
    headers = _signed(given, about, body)
    try:
        async with _client(timeout) as http:
            return await http.request(method, url.rstrip("/") + path, content=body, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unreachable("the call's engine cannot be reached: it has stopped, or its control_url is wrong", detail=repr(error)) from error


def _signed(given: Services, about: str, body: bytes) -> dict[str, str]:
    return signing.headers(given.settings.secret.get_secret_value(), about, int(given.clock().timestamp()), body)


def _client(timeout: float) -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=timeout, verify=_tls(), trust_env=False, follow_redirects=False)


@functools.cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)
