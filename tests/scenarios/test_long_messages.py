"""A carrier that takes any length gets two frames at once where enough is ahead: what the caller hears is the same to the sample, and its
silences to a frame.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import pytest
from tests.scenarios.harness import FRAME, Line, Scene, scene

from offhook.testing.fakes import Mouthpiece

pytestmark = pytest.mark.anyio


class Noting(Line):
    """Notes how many frames each message held."""

    def __init__(self, mouthpiece: Mouthpiece, message_ms: int) -> None:
        super().__init__(mouthpiece)
        self.message_ms = message_ms
        self.sizes: list[int] = []

    def send(self, data: bytes) -> None:
        self.sizes.append(len(data) // FRAME)
        super().send(data)


async def heard_out(stage: Scene) -> None:
    await stage.line.agent_done()
    await stage.line.say("how much is it")
    await stage.line.agent_speaks()
    await stage.line.agent_done()


async def talked_over(stage: Scene) -> None:
    await anyio.sleep(0.7)
    await stage.line.say("no wait how much is it")
    await stage.line.agent_done()


async def coughed_over(stage: Scene) -> None:
    await anyio.sleep(0.7)
    await stage.line.say("", 0.2)
    await stage.line.agent_speaks()
    await stage.line.agent_done()


@pytest.mark.parametrize("act", [heard_out, talked_over, coughed_over])
async def test_what_is_heard_is_the_same_with_fewer_messages(act: Callable[[Scene], Awaitable[None]]) -> None:
    heard: dict[int, tuple[bytes, list[str]]] = {}
    sizes: dict[int, list[int]] = {}
    for message_ms in (20, 40):
        lines: list[Noting] = []

        def line_of(mouthpiece: Mouthpiece, message_ms: int = message_ms, lines: list[Noting] = lines) -> Line:
            lines.append(Noting(mouthpiece, message_ms))
            return lines[0]

        async with scene(line_of=line_of) as stage:
            await stage.line.agent_speaks()
            await act(stage)
            assert not stage.call.pacing.gaps
            heard[message_ms] = bytes(stage.line.audio), stage.business.said()
            sizes[message_ms] = lines[0].sizes
            assert stage.line.most_ahead <= 0.12
    (short, said), (long, said_too) = heard[20], heard[40]
    assert said == said_too
    assert long.replace(b"\xff", b"") == short.replace(b"\xff", b""), "all but silence"
    assert abs(len(long) - len(short)) <= FRAME
    assert sum(sizes[40]) >= sum(sizes[20])
    assert len(sizes[40]) < 0.7 * len(sizes[20])
