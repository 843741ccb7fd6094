"""Who waits for news of which tenant's calls, in this process. The news comes from the database and says only which call has some."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import anyio
import psycopg
from psycopg.conninfo import make_conninfo

from offhook.errors import Retry, TooManyRequests
from offhook.orchestrator.db import libpq

CHANNEL: Final = "offhook_live"
"""What the triggers of migration 0009 notify, with the ids of tenant and call."""
PAUSE: Final = 1.0
"""Seconds before the database is tried again."""
MOST_WATCHING: Final = 50
"""Streams of one tenant's news in one process."""
log = logging.getLogger(__name__)


class Watch:
    """Calls of one tenant that have news since somebody last looked."""

    def __init__(self) -> None:
        self._calls: set[str] = set()
        self._everything = False
        self._some = anyio.Event()

    def tell(self, call: str | None) -> None:
        """There is news of a call, or there may be of any."""
        if call is None:
            self._everything = True
        else:
            self._calls.add(call)
        self._some.set()

    async def news(self) -> frozenset[str] | None:
        """Wait; then which calls, or None for all."""
        await self._some.wait()
        self._some = anyio.Event()
        calls, everything = frozenset(self._calls), self._everything
        self._calls, self._everything = set(), False
        return None if everything else calls


class Hub:
    """One connection that listens, for all who watch. It is opened when the first of them comes."""

    def __init__(self, url: str) -> None:
        self._conninfo = make_conninfo(libpq(url), options="-c role=offhook_app")
        self._watching: defaultdict[str, set[Watch]] = defaultdict(set)
        self._wanted = anyio.Event()

    def need_room(self, tenant: str) -> None:
        """TooManyRequests where as many watch this tenant's calls already as may."""
        if len(self._watching.get(tenant, ())) >= MOST_WATCHING:
            raise TooManyRequests(f"{MOST_WATCHING} watch these calls already: close one of the pages", retry=Retry(30.0))

    @contextmanager
    def watch(self, tenant: str) -> Iterator[Watch]:
        """Hear of this tenant's calls from now on."""
        watch = Watch()
        self._watching[tenant].add(watch)
        self._wanted.set()
        try:
            yield watch
        finally:
            self._watching[tenant].discard(watch)
            if not self._watching[tenant]:
                del self._watching[tenant]

    async def run(self) -> None:
        """Listen until cancelled."""
        await self._wanted.wait()
        while True:
            try:
                await self._listen()
            except psycopg.Error as error:
                log.warning("no news of live calls: the database connection broke", extra={"pii.detail": str(error)})
            await anyio.sleep(PAUSE)

    async def _listen(self) -> None:
        async with await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True) as connection:
            await connection.execute(f"listen {CHANNEL}")
            self._tell_all()  # of whatever was missed while nobody listened
            async for notice in connection.notifies():
                self.heard(notice.payload)

    def heard(self, payload: str) -> None:
        """A notice of the database; one that is not ours may mean anything."""
        try:
            news = json.loads(payload)
            tenant, call = str(news["tenant"]), str(news["call"])
        except (ValueError, KeyError, TypeError):
            self._tell_all()
            return
        for watch in self._watching.get(tenant, ()):
            watch.tell(call)

    def _tell_all(self) -> None:
        for watches in self._watching.values():
            for watch in watches:
                watch.tell(None)
