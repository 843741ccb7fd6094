"""The double of Deepgram: ``/v1/listen`` (nova-3), ``/v2/listen`` (Flux) and ``/v1/speak`` (Aura), by path."""

from __future__ import annotations

import importlib
from typing import Final

from offhook.testing.vendors.server import Peer

VENDOR: Final = "deepgram"
PREFIX: Final = "/deepgram"
KEY: Final = "dg-test-key-4f1c9a"
SERVICES: Final = {"/v1/listen": "_deepgram_listen", "/v2/listen": "_deepgram_flux", "/v1/speak": "_deepgram_speak"}


async def serve(peer: Peer) -> None:
    """One connection. A wrong key is 401 and an unknown path 404, with the headers ``dg-error`` and ``dg-request-id``."""
    service = SERVICES.get(peer.path)
    if not _allowed(peer):
        await refuse(peer, 401, "INVALID_AUTH", "Invalid credentials.")
    elif service is None:
        await refuse(peer, 404, "NOT_FOUND", "No such path.")
    else:
        await importlib.import_module(f"offhook.testing.vendors.{service}").serve(peer)


async def refuse(peer: Peer, status: int, code: str, message: str) -> None:
    """An answer that is none, as the vendor words it."""
    body = f'{{"err_code":"{code}","err_msg":"{message}","request_id":"{request_id(peer)}"}}'
    await peer.answer(status, body, {"dg-error": message, "dg-request-id": request_id(peer)})


def request_id(peer: Peer) -> str:
    """The same in every run."""
    return f"00000000-0000-4000-8000-{peer.number:012d}"


def _allowed(peer: Peer) -> bool:
    given = peer.headers.get("authorization", "")
    offered = [one.strip() for one in peer.headers.get("sec-websocket-protocol", "").split(",")]
    return given in {f"Token {KEY}", f"Bearer {KEY}"} or offered == ["token", KEY]
