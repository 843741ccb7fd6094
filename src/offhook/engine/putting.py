"""Putting a caller through: whoever made the plan finds somebody, and the caller is with the agent until they have taken the call.

What is known comes by signed requests that wait for news. Whatever does not answer, a transfer ends: the turn core has a limit for it, and
a caller who has gone, or would rather stay, ends it too. Only the other side knows whether that was in time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Literal

import anyio
import httpx
from pydantic import BaseModel, ValidationError

from offhook.contracts.plan import CallPlan
from offhook.contracts.transfer import Brief, Told, TransferAnswer, TransferRequest, TransferTurn
from offhook.engine.people import People
from offhook.engine.reporter import Reporter
from offhook.engine.tools import signed_headers
from offhook.errors import TransferFailed

ANSWER_S: Final = 15.0
"""An answer is waited for so long: news are, for some seconds, before there is one."""
TRIES: Final = 5
SETTLE_S: Final = 8.0
TELLS_S: Final = (0.5, 1.0, 2.0, 4.0)
"""Pauses between attempts to say that a caller is with somebody, or is not any longer."""
_FINAL: Final = frozenset({"done", "failed", "cancelled"})
_UNDER_WAY: Final = frozenset({"ringing", "asked"})


class Putting:
    """One attempt to put the caller through. ``run`` it once; ``settle`` when the call is over before it is."""

    def __init__(
        self,
        plan: CallPlan,
        http: httpx.AsyncClient,
        secret: str,
        reporter: Reporter,
        by_transport: Callable[[str], Awaitable[None]],
        target: str,
        number: int,
        brief: Brief,
        people: People | None = None,
    ) -> None:
        self.cancelled = False
        """The caller would rather stay."""
        self.finished = anyio.Event()
        self._plan = plan
        self._http = http
        self._secret = secret
        self._reporter = reporter
        self._by_transport = by_transport
        self._target = target
        self._number = number
        self._request = TransferRequest(call=plan.call, ref=plan.ref, target=target, key=f"{plan.call}.transfer.{number}", brief=brief)
        self._given_up = False
        self._asking = anyio.CancelScope()
        self._answer: TransferAnswer | None = None
        self._people = people
        """Who rings people where this process has a line of its own to them."""
        self._news: Told | None = None
        """What is to be told of somebody who was rung."""
        self._with: Told | None = None
        """Whom the caller was brought to here."""
        self._begun = anyio.current_time()
        self._told = 0
        self._over = False
        reporter.transfer_started(number, target)

    async def run(self) -> None:
        """Return when the caller is with somebody; TransferFailed when they stay with the agent."""
        try:
            if self._plan.transfers_url is None:
                await self._by_the_transport()
            else:
                await self._by_the_orchestrator()
        except TransferFailed as error:
            gone = self._people is not None and not self._people.there()
            self._ended("cancelled" if self.cancelled else "hangup" if gone else "failed", reason=error.detail)
            raise
        finally:
            self.finished.set()
        self._ended("taken")

    def give_up(self, *, by_caller: bool = False) -> None:
        """End the attempt, if it is not too late; ``run`` says what came of it."""
        if not self.finished.is_set() and not self._given_up:
            self._given_up = True
            self.cancelled = by_caller
            self._asking.cancel()

    async def settle(self) -> bool:
        """The media is gone: whether that is because somebody has the caller. A person who is still rung is rung no longer."""
        if self._over or self._plan.transfers_url is None:
            return False
        self._given_up = True
        with anyio.move_on_after(SETTLE_S):
            await self._until_known()
        taken = self._answer is not None and (self._answer.state == "done" or (self._answer.state == "bridging" and not self._answer.ring))
        self._ended("taken" if taken else "hangup")
        return taken

    async def _by_the_transport(self) -> None:
        address = self._plan.transfer_to.get(self._target, "")
        if not address:
            raise TransferFailed(f"the plan's transfer_to has no {self._target!r}")
        self._asking = anyio.CancelScope()
        if not self._given_up:
            with self._asking:
                await self._by_transport(address)
                return
        raise TransferFailed("the transfer was given up")

    async def _by_the_orchestrator(self) -> None:
        await self._until_known()
        answer = self._answer
        if answer is not None and answer.state == "done":
            return
        if answer is not None and answer.reason == "elsewhere" and not self._given_up:
            await self._by_the_transport()
            return
        raise TransferFailed("nobody has taken the call", detail=answer.reason if answer is not None else "unreachable")

    async def _until_known(self) -> None:
        """Ask until it is over, or nobody answers who could say."""
        failed = 0
        while failed < TRIES and (self._answer is None or self._answer.state not in _FINAL):
            if self._given_up and self._answer is None:
                failed += 2  # what may never have begun is not waited for as long
            answer = await self._ask()
            if answer is None:
                failed += 1
                continue
            failed, self._answer, self._news = 0, answer, None
            self._tell(answer)
            if not self._given_up and self._people is not None:
                self._news = await self._ring(answer, self._people)
        if self._people is not None and self._with is None:
            self._people.let_go(self._answer)

    async def _ring(self, answer: TransferAnswer, people: People) -> Told | None:
        """Do what is this process's to do, until there is something to tell, or it was given up."""
        told = None
        self._asking = anyio.CancelScope()
        with self._asking:
            told = await people.next(answer)
        if told is not None and told.what == "together":
            self._with = told
            self._answer = answer.model_copy(update={"state": "done"})  # it is so, whenever the other side hears of it
        return told

    async def tell(self, what: Literal["together", "apart"]) -> None:
        """Tell how it goes on with whom the caller was brought to."""
        if self._with is None or self._answer is None:
            return
        turn = TransferTurn(
            call=self._plan.call, ref=self._plan.ref, after=self._answer.version, told=self._with.model_copy(update={"what": what})
        )
        for pause in TELLS_S:
            response = await self._post(f"{str(self._plan.transfers_url).rstrip('/')}/{self._answer.id}", turn)
            if response is not None and response.status_code < 500:
                return
            await anyio.sleep(pause)

    async def _ask(self) -> TransferAnswer | None:
        """Begin it, hear more, or end it. None: no answer that could be understood."""
        url, body = str(self._plan.transfers_url).rstrip("/"), self._body()
        if self._answer is not None:
            url = f"{url}/{self._answer.id}"
        self._asking = anyio.CancelScope(deadline=anyio.current_time() + ANSWER_S)
        if self._given_up and self._answer is not None:
            self._asking = anyio.CancelScope(deadline=anyio.current_time() + SETTLE_S / 2)
        response = None
        with self._asking:
            response = await self._post(url, body)
            if response is None:
                await anyio.sleep(0.5)
        if response is None or response.status_code != 200:
            return self._refused(response)
        try:
            return TransferAnswer.model_validate_json(response.content)
        except ValidationError:
            return None

    async def _post(self, url: str, body: BaseModel) -> httpx.Response | None:
        data = body.model_dump_json().encode()
        try:
            return await self._http.post(url, content=data, headers=signed_headers(self._secret, self._request.key, data), timeout=ANSWER_S)
        except httpx.HTTPError:
            return None

    def _refused(self, response: httpx.Response | None) -> TransferAnswer | None:
        if response is None or response.status_code >= 500 or response.status_code == 429:
            return None
        return TransferAnswer(id="", state="failed", reason=f"status {response.status_code}")

    def _body(self) -> BaseModel:
        if self._answer is None:
            return self._request
        told = None if self._given_up else self._news
        return TransferTurn(call=self._plan.call, ref=self._plan.ref, after=self._answer.version, cancel=self._given_up, told=told)

    def _tell(self, answer: TransferAnswer) -> None:
        """What is over with people, each once, in order."""
        while self._told < len(answer.tried) and answer.tried[self._told].outcome not in _UNDER_WAY:
            self._reporter.transfer_attempted(self._number, answer.tried[self._told])
            self._told += 1

    def _ended(self, outcome: str, reason: str = "") -> None:
        if self._over:
            return
        self._over = True
        tried = self._answer.tried if self._answer is not None else ()
        name = next((one.name for one in tried if one.outcome == "accepted"), "") if outcome == "taken" else ""
        seconds = anyio.current_time() - self._begun
        self._reporter.transfer_ended(self._number, self._target, outcome, seconds, name, reason)  # type: ignore[arg-type]
