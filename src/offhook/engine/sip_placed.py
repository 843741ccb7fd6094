"""Calls that an engine was asked to place, by key: how far each is, and the orchestrator being told of every change.

What it is told may be lost: it asks when it has heard nothing for long, so nothing is kept here for a restart.
"""

from __future__ import annotations

import logging
import uuid
from collections import OrderedDict
from typing import Any, Final

import anyio
import httpx

from offhook.contracts.dial import Dialled
from offhook.engine.tools import signed_headers
from offhook.errors import OffhookError

log = logging.getLogger("offhook.sip")
KEPT: Final = 5_000
"""Placed calls whose end is remembered."""
OPEN: Final = frozenset({"ringing", "answered"})
AGAIN_S: Final = (0.5, 1.0, 2.0, 5.0)
"""Seconds between attempts to tell; what was not told then is not."""


class Placed:
    """``url`` is where changes are told, if anywhere."""

    def __init__(self, http: httpx.AsyncClient, url: str, secret: str) -> None:
        self.legs: dict[str, Any] = {}
        """Those that ring."""
        self._http = http
        self._url = url
        self._secret = secret
        self._known: OrderedDict[str, Dialled] = OrderedDict()
        self._untold: OrderedDict[str, Dialled] = OrderedDict()
        self._news = anyio.Event()

    def get(self, key: str) -> Dialled | None:
        """How far it is; None for one that was never asked for, or long ago."""
        return self._known.get(key)

    def now(self, found: Dialled, error: OffhookError | None = None) -> Dialled:
        """It is this far from now on. What nobody was rung for may be asked for again."""
        if error is not None:
            log.info("a call was not placed: %s", error.public, extra={"pii.detail": error.detail})
        if found.why == "unasked":
            self._known.pop(found.key, None)
            return found
        self._known[found.key] = found
        self._forget()
        if found.ref and self._url:
            self._untold[found.key] = found
            self._news.set()
        return found

    def _forget(self) -> None:
        over = [key for key, one in self._known.items() if one.state not in OPEN] if len(self._known) > KEPT else []
        for key in over[: len(self._known) - KEPT]:
            del self._known[key]

    async def tell(self) -> None:
        """Tell the orchestrator, one change after the other; of a call that has changed meanwhile, the last alone."""
        while True:
            self._news = anyio.Event()
            while self._untold:
                if not await self._tell_oldest():
                    await self._insist()
            await self._news.wait()

    async def _insist(self) -> None:
        """The oldest again, a few times, with whatever is its state by then."""
        for pause in AGAIN_S:
            await anyio.sleep(pause)
            if await self._tell_oldest():
                return
        self._untold.popitem(last=False)

    async def _tell_oldest(self) -> bool:
        """False where it could not be told: then it is the oldest still, as it was or as it has become meanwhile."""
        key, found = self._untold.popitem(last=False)
        if await self._told(found):
            return True
        self._untold.setdefault(key, found)
        self._untold.move_to_end(key, last=False)
        return False

    async def _told(self, found: Dialled) -> bool:
        body = found.model_dump_json().encode()
        headers = signed_headers(self._secret, f"told.{uuid.uuid4().hex}", body)
        try:
            response = await self._http.post(self._url, content=body, headers=headers)
        except (httpx.HTTPError, OSError) as error:
            log.warning("the orchestrator was not told of a placed call: %s", type(error).__name__)
            return False
        return response.status_code < 500
