"""Fetching what a carrier has recorded. https, only from where that carrier keeps recordings, the account's keys only to its own host.

Twilio answers ``RecordingUrl`` with an ending (.wav) under basic auth, and 404 until the recording is ready, some seconds later
(https://www.twilio.com/docs/voice/api/recording). SignalWire does the same at the project's space, and keeps files at files.signalwire.com
and in a bucket of that name. Plivo's are at media.plivo.com, under basic auth where the account asks for it
(https://www.plivo.com/docs/voice/xml/record). Telnyx's addresses are signed, of its own buckets, and good for ten minutes
(https://developers.telnyx.com/docs/voice/programmable-voice/texml-verbs/record): no key is sent there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin, urlsplit, urlunsplit

import anyio
import httpx

from offhook.addresses import BadUrl, Rules, take_apart
from offhook.orchestrator.carriers.rest import plivo, twilio
from offhook.orchestrator.carriers.schemas import Credentials
from offhook.orchestrator.hooks.guard import NoAnswer
from offhook.orchestrator.recordings.schemas import MessageFault

MOST: Final = 16_000_000
"""Bytes of a recording that are taken: two minutes of 16 kHz, stereo, are half of it."""
WITHIN_S: Final = 60.0
HOPS: Final = 3
_SOUNDS: Final = frozenset({"", "application/octet-stream", "binary/octet-stream"})
"""Content types, besides ``audio/...``, under which buckets keep sounds."""


_ELSEWHERE: Final = re.compile(r"\.\.|%2e|%2f|%5c", re.IGNORECASE)
"""In a path: what a server may read as another one."""


class Missed(Exception):
    """There is no sound to be had; ``again``: perhaps there will be."""

    def __init__(self, fault: MessageFault, *, again: bool = False) -> None:
        super().__init__(fault)
        self.fault: MessageFault = fault
        self.again = again


@dataclass(frozen=True, slots=True)
class Place:
    """Where a carrier keeps recordings, as host and path: ``own``, which gets the account's keys, and ``other``, which gets nothing."""

    own: str = ""
    other: str = ""
    ending: str = ""
    """Put behind an address without one, to say in what form the sound is wanted."""
    keys: Callable[[Credentials], Mapping[str, str]] = dict


PLACES: Final[Mapping[str, Place]] = {
    "twilio": Place(r"api(\.[a-z0-9-]{1,40}){0,2}\.twilio\.com/.+", "", ".wav", twilio.authorization),
    "signalwire": Place(
        r"[a-z0-9-]+\.signalwire\.com/api/.+",
        r"files\.signalwire\.com/.+|s3(\.[a-z0-9-]+)?\.amazonaws\.com/files\.signalwire\.com/.+",
        ".wav",
        twilio.authorization,
    ),
    "telnyx": Place("", r"s3(\.[a-z0-9-]+)?\.amazonaws\.com/telephony-recorder-prod(-[a-z0-9-]+)?/.+"),
    "plivo": Place(r"media\.plivo\.com/.+", keys=plivo.authorization),
}


def with_ending(kind: str, url: str) -> str:
    """The address to ask for a recording at."""
    parts = urlsplit(url)
    if "." in parts.path.rpartition("/")[2]:
        return url
    return urlunsplit(parts._replace(path=parts.path + PLACES[kind].ending))


def checked(kind: str, opened: Credentials, url: str) -> tuple[str, Mapping[str, str]]:
    """An address in its one form, and the headers that a request to it gets; Missed for one that is none of this carrier's."""
    place = PLACES.get(kind)
    try:
        target = take_apart(url, Rules())
    except BadUrl as error:
        raise Missed("elsewhere") from error
    path = target.path.partition("?")[0]
    where = f"{target.host}{path}"
    if place is None or _ELSEWHERE.search(path):
        raise Missed("elsewhere")
    if place.own and re.fullmatch(place.own, where) and opened.settings.get("space", target.host) == target.host:
        return target.url, place.keys(opened)
    if place.other and re.fullmatch(place.other, where):
        return target.url, {}
    raise Missed("elsewhere")


async def download(client: httpx.AsyncClient, opened: Credentials, url: str) -> bytes:
    """The sound at this address, at most ``MOST`` bytes; Missed."""
    try:
        url = with_ending(opened.kind, url) if opened.kind in PLACES else url
        with anyio.fail_after(WITHIN_S):
            for _ in range(HOPS + 1):
                found = await _ask(client, *checked(opened.kind, opened, url))
                if isinstance(found, bytes):
                    return found
                url = found
    except (TimeoutError, httpx.TransportError, NoAnswer) as error:
        raise Missed("unreachable", again=True) from error
    except ValueError as error:  # urllib's word for what is no address
        raise Missed("elsewhere") from error
    raise Missed("elsewhere")


async def _ask(client: httpx.AsyncClient, url: str, keys: Mapping[str, str]) -> bytes | str:
    """What is there, or where else it is."""
    headers = {"accept": "audio/*", "accept-encoding": "identity", **keys}
    async with client.stream("GET", url, headers=headers) as answer:
        if answer.has_redirect_location:
            return urljoin(url, answer.headers["location"])
        if answer.status_code != 200:
            raise _refused(answer.status_code, keyed=bool(keys))
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not kind.startswith("audio/") and kind not in _SOUNDS:
            raise Missed("not_audio")
        length = answer.headers.get("content-length", "")
        if length.isdigit() and int(length) > MOST:
            raise Missed("too_large")
        body = bytearray()
        async for piece in answer.aiter_raw():
            body += piece
            if len(body) > MOST:
                raise Missed("too_large")
        return bytes(body)


def _refused(status: int, *, keyed: bool) -> Missed:
    if status == 404:  # not ready, or not there
        return Missed("gone", again=True)
    if status in {408, 425, 429} or status >= 500:
        return Missed("unreachable", again=True)
    if keyed and status in {401, 403}:
        return Missed("keys")
    return Missed("gone")
