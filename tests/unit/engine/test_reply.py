"""A reply's ledger while its voice still streams."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
from anyio.lowlevel import checkpoint

from offhook.core.audio.format import PCM16_8K
from offhook.core.audio.link import link
from offhook.core.audio.playout import Playout
from offhook.core.script.dialogue import Item, Proposal
from offhook.core.turn.policy import TurnPolicy
from offhook.engine.callclock import CallClock
from offhook.engine.driver import Driver
from offhook.engine.reply import Mouth, Reply
from offhook.ports.tts import Speech


class Voice:
    """Says a second of the first clause and then waits for ever in the middle of it."""

    def __init__(self) -> None:
        self.waiting = anyio.Event()

    async def speak(self, clauses: AsyncIterator[str]) -> AsyncIterator[Speech]:
        async for _ in clauses:
            yield Speech(0, b"\x01\x00" * 8_000, last=False)
            self.waiting.set()
            await anyio.sleep_forever()

    async def aclose(self) -> None:
        await checkpoint()


def test_an_interruption_in_a_clause_that_still_streams_has_its_heard_words() -> None:
    async def main() -> None:
        voice = Voice()
        playout = Playout(PCM16_8K)
        formats = link((PCM16_8K,), (PCM16_8K,), between=("voice", "line"))
        items = (Item("hours", "We are open from eight in the morning to six. And on Saturdays."), Item("ask", "Shall I book?"))

        def work_out() -> Proposal:
            return Proposal(None, None, items=items)  # type: ignore[arg-type]

        driver = Driver(CallClock(), TurnPolicy(), lambda _effect, _event: None, None)
        reply = Reply(1, "prompt", "", work_out, lambda _: None, real=True)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(reply.run, driver, Mouth(voice, formats, playout), lambda _: None)
            await voice.waiting.wait()
            tasks.cancel_scope.cancel()
        heard = reply.ledger.heard(8_000)
        assert heard.startswith("We are open")
        assert "six." not in heard
        assert reply.ledger.items(8_000) == [("hours", heard, False), ("ask", "", False)]

    anyio.run(main)
