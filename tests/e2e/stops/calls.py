"""The list of calls."""

from __future__ import annotations

from tests.e2e.business import House
from tests.e2e.calls import ring
from tests.e2e.stops import Stop

CALLS_PAGE = "/t/harbour/calls"
STOPS = {
    "calls": Stop(CALLS_PAGE),
    "calls-none": Stop(f"{CALLS_PAGE}?q=nosuchword"),
    "calls-wrong": Stop(f"{CALLS_PAGE}?when=never"),
    "calls-day": Stop(CALLS_PAGE, "() => { document.querySelector('.pick').open = true; }"),
    "calls-outcome": Stop(CALLS_PAGE, "() => { document.querySelectorAll('.pick')[1].open = true; }"),
    "calls-account": Stop(CALLS_PAGE, "() => { document.querySelector('.me').open = true; }"),
    "calls-keys": Stop(CALLS_PAGE, "() => document.getElementById('keys').showModal()"),
    "calls-compact": Stop(CALLS_PAGE, "() => { document.documentElement.dataset.density = 'compact'; }"),
}


async def furnish(house: House) -> None:
    """A week of calls."""
    await ring(house)
