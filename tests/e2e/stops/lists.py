"""The list of calls with lists that somebody keeps, and narrowed."""

from __future__ import annotations

from tests.e2e.business import House
from tests.e2e.people import OWNER
from tests.e2e.stops import Stop
from tests.e2e.stops.calls import CALLS_PAGE

from offhook.orchestrator.auth.permissions import Principal
from offhook.orchestrator.calls import views

KEPT = {"Needs listening": {"slow": "true"}, "Price asked, of a name that is as long as may be, and then some": {"q": "quote"}}
STOPS = {
    "calls-slow": Stop(f"{CALLS_PAGE}?slow=true&length=short"),
    "calls-saving": Stop(f"{CALLS_PAGE}?slow=true", "() => { document.querySelector('.kept .pick').open = true; }"),
    "calls-export": Stop(CALLS_PAGE, "() => { document.querySelector('.pick.more').open = true; }"),
    "calls-number": Stop(CALLS_PAGE, "() => { document.querySelectorAll('.filters .pick')[3].open = true; }"),
}


async def furnish(house: House) -> None:
    """Two lists that the owner keeps."""
    [(person,)] = await house.look("select id from person where email = :email", email=OWNER)
    async with house.services.database.tenant("harbour") as scope:
        for name, asked in KEPT.items():
            await views.keep(scope, Principal("person", person, "Ann", ()), name[:60], dict(asked), house.now[0])
