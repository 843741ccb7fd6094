"""One of everything for a tenant, made over the API and by an engine's requests; the ids by the names that routes give them."""

from __future__ import annotations

from tests.e2e.business import CALLER, House

REF = {"harbour": "harbour/front-desk", "quayside": "quayside/front-desk"}


async def furnish(house: House, tenant: str) -> dict[str, str]:
    """Give the tenant a call with a booking, a lead and a message, and whatever its routes can make."""
    await house.plan()
    slot = (await house.slots())[0]
    await house.tool("book", {"slot": slot["id"], "name": "Ann Lee", "phone": CALLER, "problem": "tap"})
    await house.tool("save_message", {"name": "Ann Lee", "phone": CALLER, "note": "ring me"})
    detail = await house.call()
    return {
        "call": "c1",
        "id": "c1",
        "agent": "front-desk",
        "number": "+442079460000",
        "appointment": detail["appointments"][0]["id"],
        "contact": detail["appointments"][0]["contact_id"],
        "lead": detail["lead"]["id"],
    }
