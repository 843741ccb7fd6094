"""From an account to a vendor: the orchestrator's plan, an engine with accounts of its own, and what the vendor really is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.business import ADMIN, CALLER, DID, SECRET, House, open_house

from offhook.contracts.ids import CallId
from offhook.contracts.plan import CallPlan, PlanRequest
from offhook.engine.lineup import Lineup
from offhook.engine.plans import OrchestratorPlans
from offhook.errors import ConfigError, Unauthorized
from offhook.inference import InferencePool
from offhook.ports.llm import LlmRequest, Message
from offhook.reach import Reach
from offhook.registry import ProviderContext
from offhook.testing.vendors import openai
from offhook.testing.vendors.server import Vendors
from offhook.weights import ModelStore

ENGINES = "sk-of-whoever-runs-the-engine"
MODEL = "openai:gpt-4o-mini"


async def asked(house: House, cache: Path, call: str) -> CallPlan:
    """As an engine asks."""
    plans = OrchestratorPlans(house.http, "http://orchestrator", SECRET, 10.0, cache)
    return await plans.plan(PlanRequest(call=CallId(call), transport="loopback", did=DID, caller=CALLER))


async def says(lineup: Lineup, plan: CallPlan) -> None:
    """One answer of the plan's model."""
    model = await lineup.hedged_llm(plan.models.llm, plan.models.vendors)
    async for _ in model.stream(LlmRequest((Message("user", "good morning"),))):
        pass
    await model.aclose()


async def test_a_tenants_calls_go_by_its_own_account_and_never_by_a_mixture(database_url: str, tmp_path: Path) -> None:
    loopback: dict[str, Any] = {"webhook_http": True, "webhook_ports": (), "webhook_networks": ("127.0.0.0/8",)}
    async with open_house(database_url, tmp_path / "state", **loopback) as house, Vendors() as theirs, Vendors() as engines:
        house.now[0] = datetime.now(UTC)  # the engine signs by the real clock
        env = {"OPENAI_API_KEY": ENGINES, "OPENAI_BASE_URL": engines.base("openai")}
        lineup = Lineup(ProviderContext(InferencePool(inline=True), ModelStore(None), env, reach=Reach.of(["127.0.0.1"])))
        body = {"providers": {"llm": [MODEL]}}
        assert (await house.ask("PATCH", "/agents/front-desk/draft", body, If_Match="*")).is_success
        assert (await house.ask("POST", "/agents/front-desk/publish", {}, If_Match="*")).is_success
        put = await house.ask("PUT", "/vendor-accounts/openai", {"api_key": openai.KEY, "base_url": theirs.base("openai")})
        assert put.status_code == 200, put.text

        plan = await asked(house, tmp_path / "kept", "c1")
        await says(lineup, plan)
        (sent,) = theirs.sent("openai", "http")
        assert sent.headers["authorization"] == f"Bearer {openai.KEY}"
        assert engines.accepted == 0
        assert openai.KEY not in repr(plan)
        kept = [path.read_text() for path in (tmp_path / "kept").rglob("*.json")]
        assert [MODEL in text and openai.KEY not in text for text in kept] == [True]

        await house.look("update data_key set wrapped = wrapped || '\\x00'")
        broken = await asked(house, tmp_path / "kept", "c2")
        with pytest.raises(ConfigError, match="OPENAI_API_KEY is not set"):  # the engine's own is not for this tenant
            await says(lineup, broken)
        assert engines.accepted == 0

        gone = await house.http.delete("/v1/tenants/harbour/vendor-accounts/openai", headers=ADMIN | {"if-match": "*"})
        assert gone.status_code == 204
        with pytest.raises(Unauthorized):  # the double knows one key only: the engine's was tried
            await says(lineup, await asked(house, tmp_path / "kept", "c3"))
        assert engines.sent("openai", "http")[0].headers["authorization"] == f"Bearer {ENGINES}"
        await lineup.aclose()
