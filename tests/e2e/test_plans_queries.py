"""While the line rings: how often the database is asked, and what an agent's settings make of a plan."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine
from tests.e2e.business import CALLER, DID, House

from offhook.orchestrator.carriers import ops as carriers

MOST = 7
"""One of them asks for what connected systems know of the caller."""


@contextmanager
def queries() -> Iterator[list[str]]:
    """Statements that are sent; entering a transaction's role is none."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if "set_config" not in statement:
            seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_a_call_from_a_trunk(house: House) -> None:
    await house.plan("c0")
    with queries() as seen:
        await house.plan("c1")
    assert len(seen) <= MOST, "\n".join(seen)


async def test_a_call_from_a_carrier(house: House) -> None:
    await house.plan("c0")
    async with house.services.database.tenant("harbour") as scope:
        token = await carriers.mint(scope, "CA1", DID, CALLER, house.now[0], 60)
    with queries() as seen:
        await house.plan("c1", transport="twilio", token=token, carrier_call="CA1")
    assert len(seen) <= MOST + 1, "\n".join(seen)  # the token is used up, besides


async def test_a_test_call(house: House) -> None:
    started = (await house.ask("POST", "/agents/front-desk/voice-tests", {"caller": CALLER})).json()
    with queries() as seen:
        await house.plan("c1", transport="browser", token=started["token"])
    assert len(seen) <= MOST, "\n".join(seen)


async def test_a_refusal(house: House) -> None:
    with queries() as seen:
        assert (await house.post("/v1/plans", {"call": "c1", "transport": "loopback", "did": "+442079469999"})).status_code == 404
    assert len(seen) == 1
