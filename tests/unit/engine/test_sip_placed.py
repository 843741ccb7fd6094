"""The orchestrator is told how far each placed call is: again where it could not be told, and never less than the last of it."""

from __future__ import annotations

import anyio
import httpx
import pytest

from offhook.contracts.dial import Dialled
from offhook.engine.sip_placed import AGAIN_S, Placed
from offhook.testing.clock import VIRTUAL_TIME

pytestmark = pytest.mark.anyio
FIRST, SECOND = (Dialled(key=key, ref=f"harbour/{key}/1", state="ringing") for key in ("out_1", "out_2"))


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


class Orchestrator:
    """Answers with these in their order, then 200; keeps what it took. ``meanwhile``: a call changes during the request so counted."""

    def __init__(self, *answers: int, meanwhile: dict[int, Dialled] | None = None) -> None:
        self.took: list[tuple[str, str]] = []
        self.placed: Placed | None = None
        self._answers = list(answers)
        self._meanwhile = meanwhile or {}
        self._count = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        change = self._meanwhile.get(self._count)
        if change is not None and self.placed is not None:
            self.placed.now(change)
        self._count += 1
        await anyio.sleep(0.1)
        status = self._answers.pop(0) if self._answers else 200
        if status == 200:
            said = Dialled.model_validate_json(request.content)
            self.took.append((said.key, said.state))
        return httpx.Response(status)


async def told(orchestrator: Orchestrator, *changes: Dialled) -> Placed:
    async with httpx.AsyncClient(transport=httpx.MockTransport(orchestrator)) as http, anyio.create_task_group() as group:
        placed = Placed(http, "http://orchestrator/v1/dialled", "secret")
        orchestrator.placed = placed
        for one in changes:
            placed.now(one)
        group.start_soon(placed.tell)
        await anyio.sleep(sum(AGAIN_S) + 60)
        group.cancel_scope.cancel()
    return placed


async def test_what_could_not_be_told_is_told_again_before_what_came_later() -> None:
    orchestrator = Orchestrator(503, 503)
    await told(orchestrator, FIRST, SECOND)
    assert orchestrator.took == [("out_1", "ringing"), ("out_2", "ringing")]


@pytest.mark.parametrize("at", [0, 1], ids=["at the first attempt", "at a later one"])
async def test_what_changes_while_it_is_told_is_told_too(at: int) -> None:
    answered = FIRST.model_copy(update={"state": "answered"})
    orchestrator = Orchestrator(503, meanwhile={at: answered})
    placed = await told(orchestrator, FIRST)
    assert orchestrator.took[-1] == ("out_1", "answered")
    assert placed.get("out_1") == answered


async def test_what_is_never_taken_holds_up_nothing_else() -> None:
    orchestrator = Orchestrator(*[503] * (len(AGAIN_S) + 1))
    await told(orchestrator, FIRST, SECOND)
    assert orchestrator.took == [("out_2", "ringing")]
