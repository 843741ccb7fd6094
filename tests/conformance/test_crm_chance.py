"""Calls written into systems that fail by chance, with the same keys again until they stand: one record of each, however often."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import anyio
import pytest
from tests.conformance.business_suite import HOUR, VISIT, BusinessSuite
from tests.conformance.test_crm_gohighlevel import TestGoHighLevel as HighLevel
from tests.conformance.test_crm_hubspot import TestHubSpot as HubSpot
from tests.conformance.test_crm_xero import TestXero as Xero
from tests.paperwork.figures import tally

from offhook.adapters.model import Appointment, Customer, Lead, Note, Ref
from offhook.errors import AdapterConflict, AdapterRateLimited, AdapterUnavailable
from offhook.testing.clock import VIRTUAL_TIME

pytestmark = [pytest.mark.paperwork, pytest.mark.anyio]
CALLS = 40


@pytest.fixture
def anyio_backend() -> tuple[str, Mapping[str, Any]]:
    return VIRTUAL_TIME


async def _made(write: Callable[[], Awaitable[Ref]]) -> tuple[Ref, int]:
    """As the work after a call does it; and how often it had to be begun again."""
    for again in range(200):
        try:
            return await write(), again
        except (AdapterUnavailable, AdapterRateLimited, AdapterConflict) as error:
            await anyio.sleep(error.retry.after or 1.0)
    raise AssertionError("not done in two hundred attempts")


@pytest.mark.parametrize("suite", [Xero, HubSpot, HighLevel])
@pytest.mark.parametrize("seed", range(2))
async def test_each_call_leaves_one_of_each_however_much_fails(suite: type[BusinessSuite], seed: int) -> None:
    made = suite()
    made._benches = []
    bench = made.bench()
    bench.sim.faults.chance, bench.sim.faults.seed = 0.35, seed
    begun, visits = 0, "create_appointment" in made.manifest().capabilities
    for n in range(CALLS):
        person = Customer(name=f"Caller {n}", phones=(f"+4477009{n:05}",), email=f"caller{n}@mill.example" if n % 2 else "")
        key = f"call_{n}"
        customer, one = await _made(partial(bench.adapter.upsert_customer, f"{key}/customer", person))
        lead, two = await _made(partial(bench.adapter.create_lead, f"{key}/lead", Lead(customer.id, "Boiler")))
        _, three = await _made(partial(bench.adapter.add_note, f"{key}/note", Note(lead, "She rang.")))
        begun += one + two + three
        if visits:
            visit = Appointment(made.RESOURCES[0], VISIT + n * HOUR, VISIT + (n + 1) * HOUR, "Boiler", customer=customer.id)
            _, four = await _made(partial(bench.adapter.create_appointment, f"{key}/visit", visit))
            begun += four
    kinds = ("customer", "lead", "note", *(("appointment",) if visits else ()))
    found = {kind: bench.sim.count(kind) for kind in kinds}
    assert found == dict.fromkeys(kinds, CALLS)
    assert begun > 0
    assert bench.sim.faults.count > CALLS
    tally(
        f"{made.ADAPTER} failing by chance",
        calls=CALLS,
        faults=bench.sim.faults.count,
        writes_begun_again=begun,
        records_twice=sum(found.values()) - CALLS * len(kinds),
    )
