"""A measure of a call's cost needs calls that last."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from offhook.authoring.load import compile as compiled
from offhook.errors import ConfigError
from offhook.testing.bench.latency import quiz
from offhook.testing.bench.load import _calls, endless, waited_seconds
from offhook.testing.bench.stage import Engine, script_asking


@asynccontextmanager
async def hanging_up_after(messages: int) -> AsyncIterator[Engine]:
    """A carrier's peer that closes the line after so many messages."""

    async def talk(socket: ServerConnection) -> None:
        for _ in range(messages):
            await socket.recv()

    async with serve(talk, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield Engine(port, 0, Path())


async def test_calls_that_end_early_are_no_measure() -> None:
    async with hanging_up_after(10) as one:
        with pytest.raises(ExceptionGroup) as caught:
            await _calls(one, 1, 2)
    assert caught.group_contains(ConfigError, match="nothing was measured", depth=None)


@pytest.mark.skipif(sys.platform != "linux", reason="of /proc")
def test_time_in_line_for_a_processor_is_seconds_of_all_threads() -> None:
    assert 0 <= waited_seconds(os.getpid()) < 3_600


@pytest.mark.parametrize("document", [endless(), quiz(), script_asking("phone", "What is the best number for you?")])
def test_the_benchs_scripts_are_taken_by_the_engine(document: dict[str, Any]) -> None:
    assert compiled(document).start == document["start"]
