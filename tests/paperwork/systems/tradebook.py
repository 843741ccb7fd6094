"""The adapter of a business system that is the tests' own: by key or OAuth, with tokens that rotate."""

from __future__ import annotations

from collections.abc import Mapping

from offhook.adapters.http import Pace
from offhook.adapters.model import Account, Choice, Customer
from offhook.adapters.port import Chooser, Field, KeyAuth, Manifest, OAuth, Unsupported

MANIFEST = Manifest(
    kind="crm",
    name="tradebook",
    title="Tradebook",
    base_url="https://api.tradebook.example/v1",
    auth=(
        OAuth(
            "https://login.tradebook.example/authorize?audience=api",
            "https://login.tradebook.example/token",
            ("jobs", "customers"),
            revoke_url="https://login.tradebook.example/revoke",
            authorize={"prompt": "consent"},
            rotates=True,
        ),
        KeyAuth("X-Api-Key", ""),
    ),
    capabilities=frozenset({"find_customer", "create_lead"}),
    paces=(Pace(1_000, 1.0),),
    idempotency="id",
    fields=(
        Field("key", "API key", help="Settings, then API keys.", pattern=r"tb_[A-Za-z0-9]{8,}", secret=True),
        Field("signing", "Webhook key", secret=True, required=False),
        Field("branch", "Branch", pattern=r"[a-z]{0,20}", required=False),
    ),
    choosers=(
        Chooser("staff", "Who each of your people is there", per_staff=True),
        Chooser("pipeline", "Where enquiries go", required=True),
    ),
    mappable={"boiler": "Boiler", "access": "Access"},
    writes=("lead",),
    about="Writes an enquiry for each call.",
)


class Tradebook(Unsupported):
    """See Adapter."""

    NAME = MANIFEST.id

    async def verify(self) -> Account:
        found = await self.http.get("/me")
        return Account(found["id"], found["name"], found["timezone"])

    async def choices(self) -> Mapping[str, tuple[Choice, ...]]:
        found = await self.http.get("/choices")
        return {name: tuple(Choice(one["id"], one["label"]) for one in some) for name, some in found.items()}

    async def find_customer(self, *, phone: str = "", email: str = "", name: str = "") -> Customer | None:
        found = await self.http.get("/customers", params={"phone": phone})
        return Customer(found["id"], name or email or found["name"]) if found else None


ADAPTER = Tradebook
