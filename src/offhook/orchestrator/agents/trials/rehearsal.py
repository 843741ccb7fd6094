"""Text tests in processes of their own.

A script may hold a regular expression, and one that goes through all ways of matching would hold this whole process up, all tenants
with it. There it is cut off with its process, and nobody else waits.
"""

from __future__ import annotations

import multiprocessing
import signal
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Final, cast

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

from offhook.authoring.check import Fault
from offhook.authoring.course import Course, Turn
from offhook.authoring.load import ScriptError
from offhook.authoring.rehearse import rehearse
from offhook.contracts.plan import CallPlan
from offhook.errors import Invalid, Retry, TooManyRequests, Unreachable
from offhook.orchestrator.tools.fakes import Faking

SECONDS: Final = 10.0
"""How long one test may take. An ordinary one takes some milliseconds."""
AT_ONCE: Final = 2
MOST_WAITING: Final = 8
START_SECONDS: Final = 60.0
_places: RunVar[anyio.CapacityLimiter] = RunVar("places of text tests")

Result = Course | tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """All that a test needs: plain values, which go to another process."""

    plan: CallPlan
    moment: datetime
    turns: tuple[Turn, ...]
    faking: Faking
    unreachable: frozenset[str] = frozenset()
    models: bool = False
    """Its models answer where they would in a call: the course stops where an answer of theirs is missing."""


def play(rehearsal: Rehearsal) -> Result:
    """The conversation, or the faults of its script."""
    try:
        return rehearse(rehearsal.plan, rehearsal.moment, rehearsal.turns, rehearsal.faking, rehearsal.unreachable, models=rehearsal.models)
    except ScriptError as error:
        return error.faults


class Player:
    """A process that plays one test at a time, for as long as it answers."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._answers, theirs_out = context.Pipe(duplex=False)
        theirs_in, self._asks = context.Pipe(duplex=False)
        self._process = context.Process(target=_serve, args=(theirs_in, theirs_out), daemon=True, name="text tests")
        self._process.start()
        theirs_in.close()
        theirs_out.close()
        self._receive(START_SECONDS)

    def play(self, rehearsal: Rehearsal, seconds: float) -> Result:
        """The test's result; TimeoutError when it is not there in time, EOFError or OSError when the process is gone."""
        self._asks.send(rehearsal)
        return cast("Result", self._receive(seconds))

    def _receive(self, seconds: float) -> object:
        if not self._answers.poll(seconds):
            raise TimeoutError
        return self._answers.recv()

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.join()
        self._process.close()
        self._answers.close()
        self._asks.close()


def _serve(asks: Connection, answers: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started us ends us
    answers.send(None)
    while True:
        try:
            rehearsal = asks.recv()
        except EOFError:
            return
        signal.alarm(int(SECONDS) + 5)  # should nobody be left to end us
        answers.send(play(rehearsal))
        signal.alarm(0)


_idle: list[Player] = []
"""Players of this process that have nothing to do; they end with it."""


def _played(rehearsal: Rehearsal, seconds: float) -> Result:
    """In a thread: it only waits."""
    for last in (False, True):
        player = _idle.pop() if _idle else Player()
        try:
            result = player.play(rehearsal, seconds)
        except (EOFError, OSError) as error:
            player.kill()
            if last or isinstance(error, TimeoutError):
                raise
            continue  # it had been ended from outside while it was idle
        _idle.append(player)
        return result
    raise EOFError


async def played(rehearsal: Rehearsal, seconds: float = SECONDS) -> Result:
    """Play a test. Invalid if it takes too long, TooManyRequests if too many wait already."""
    try:
        places = _places.get()
    except LookupError:
        places = anyio.CapacityLimiter(AT_ONCE)
        _places.set(places)
    if places.statistics().tasks_waiting >= MOST_WAITING:
        raise TooManyRequests("too many tests are being played: wait and try again", retry=Retry(SECONDS))
    try:
        return await anyio.to_thread.run_sync(_played, rehearsal, seconds, limiter=places)
    except TimeoutError as error:
        raise Invalid("the test took too long and was cut off: look for a pattern that matches in too many ways") from error
    except (EOFError, OSError) as error:
        raise Unreachable("the process that plays tests is not well") from error
