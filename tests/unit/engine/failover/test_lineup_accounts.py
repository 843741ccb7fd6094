"""Providers of the process and of tenants' own accounts: shared where they may be, apart where they must be, and not for ever."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from offhook.contracts.ids import CallId
from offhook.contracts.plan import CallPlan, Models, PlanRequest
from offhook.engine.failover.health import Candidate
from offhook.engine.lineup import Lineup, _Env
from offhook.engine.plans import OrchestratorPlans
from offhook.errors import ConfigError, OffhookError, ProviderError, Rejected, Unavailable
from offhook.inference import InferencePool
from offhook.ports.llm import Llm, LlmRequest, Message
from offhook.reach import Reach
from offhook.registry import ProviderContext
from offhook.weights import ModelStore

pytestmark = pytest.mark.anyio
OURS = {"GROQ_API_KEY": "our-own-key-1", "LLAMACPP_BASE_URL": "http://127.0.0.1:9"}
NAME = "groq:some-model"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def lineup(env: Mapping[str, str] = OURS, most: int = 200) -> Lineup:
    return Lineup(ProviderContext(InferencePool(inline=True), ModelStore(None), env, reach=Reach.of(["127.0.0.1"])), most=most)


def key_of(candidate: Candidate[Llm]) -> str:
    """The key that a model would be asked with."""
    provider: Any = candidate.provider
    return str(provider._wire.account.key)


async def test_who_has_no_account_of_its_own_uses_ours() -> None:
    them = lineup()
    first, second = await them.hedged_llm([NAME]), await them.hedged_llm([NAME], {"DEEPGRAM_API_KEY": "another-vendors"})
    assert first.candidates[0].provider is second.candidates[0].provider is await them.llm(NAME)
    assert first.candidates[0].health is second.candidates[0].health
    assert key_of(first.candidates[0]) == "our-own-key-1"
    await them.aclose()


async def test_the_order_of_who_comes_first_does_not_matter() -> None:
    them = lineup()
    tenant = await them.hedged_llm([NAME], {"GROQ_API_KEY": "theirs"})
    bystander = await them.hedged_llm([NAME], {"OPENAI_API_KEY": "unused"})
    ours = await them.hedged_llm([NAME])
    assert [key_of(one.candidates[0]) for one in (tenant, bystander, ours)] == ["theirs", "our-own-key-1", "our-own-key-1"]
    assert bystander.candidates[0].provider is ours.candidates[0].provider
    await them.aclose()


async def test_each_account_has_a_provider_and_a_health_of_its_own() -> None:
    them = lineup()
    one, same, other = [await them.hedged_llm([NAME], {"GROQ_API_KEY": key}) for key in ("first", "first", "second")]
    assert one.candidates[0].provider is same.candidates[0].provider
    assert one.candidates[0].provider is not other.candidates[0].provider
    assert one.candidates[0].health is same.candidates[0].health is not other.candidates[0].health
    region = await them.hedged_llm([NAME], {"GROQ_API_KEY": "first", "GROQ_BASE_URL": "https://eu.example.com"})
    assert region.candidates[0].provider is not one.candidates[0].provider
    await them.aclose()


async def test_a_key_that_was_changed_counts_from_the_next_call_on() -> None:
    them = lineup()
    running = await them.hedged_llm([NAME], {"GROQ_API_KEY": "old"})
    following = await them.hedged_llm([NAME], {"GROQ_API_KEY": "new"})
    assert (key_of(running.candidates[0]), key_of(following.candidates[0])) == ("old", "new")
    await them.aclose()


async def closed(candidate: Candidate[Llm]) -> bool:
    try:
        async for _ in candidate.provider.stream(LlmRequest((Message("user", "hello"),))):
            pass
    except Unavailable as error:
        return "closed" in error.public
    return False


async def test_accounts_that_are_used_no_more_are_closed_and_those_in_a_call_are_not() -> None:
    them = lineup(most=2)
    held = await them.hedged_llm([NAME], {"GROQ_API_KEY": "held", "GROQ_BASE_URL": "http://127.0.0.1:9"})
    gone = [await them.hedged_llm([NAME], {"GROQ_API_KEY": str(n), "GROQ_BASE_URL": "http://127.0.0.1:9"}) for n in range(4)]
    assert them.report()["providers"] == {"theirs": 5}
    for one in gone:
        await one.aclose()
        await one.aclose()
    assert them.report()["providers"] == {"theirs": 2}
    assert [await closed(one.candidates[0]) for one in gone] == [True, True, True, False]
    assert not await closed(held.candidates[0])
    again = await them.hedged_llm([NAME], {"GROQ_API_KEY": "held", "GROQ_BASE_URL": "http://127.0.0.1:9"})
    assert again.candidates[0].provider is held.candidates[0].provider
    await them.aclose()
    assert await closed(held.candidates[0])


async def test_what_lacks_a_key_is_left_out_and_told_and_nothing_left_is_an_error() -> None:
    them = lineup({})
    told: list[ProviderError] = []
    with pytest.raises(ConfigError, match="GROQ_API_KEY"):
        await them.hedged_llm([NAME])
    found = await them.hedged_llm(["openai:large", NAME, NAME], {"GROQ_API_KEY": "theirs"}, failed=told.append)
    assert [one.name for one in found.candidates] == [NAME]
    assert [(one.provider, type(one)) for one in told] == [("llm/openai:large", Rejected)]
    assert "OPENAI_API_KEY" in told[0].public
    assert (await them.hedged_llm([])).candidates == []
    await them.aclose()


async def test_an_account_of_ones_own_is_one_whole_and_has_nothing_of_the_engines() -> None:
    ours = {
        "CARTESIA_API_KEY": "ours", "CARTESIA_BASE_URL": "https://ours.example.com", "CARTESIA_VOICE": "our-voice",
        "AZURE_API_KEY": "ours", "AZURE_BASE_URL": "https://ours.openai.azure.com/openai/v1", "AZURE_API_VERSION": "2024-01-01",
    }  # fmt: skip
    them = lineup(ours)

    async def of(vendors: Mapping[str, str]) -> tuple[str, str, str]:
        voices = await them.steady_tts(["cartesia:sonic"], vendors)
        provider: Any = voices.candidates[0].provider
        return str(provider._account.key), str(provider._account.base), str(provider._voice)

    assert await of({}) == ("ours", "https://ours.example.com", "our-voice")
    assert await of({"CARTESIA_API_KEY": "theirs"}) == ("theirs", "https://api.cartesia.ai", "")
    assert await of({"CARTESIA_API_KEY": "theirs", "CARTESIA_VOICE": "their-voice"}) == ("theirs", "https://api.cartesia.ai", "their-voice")
    assert await of({"CARTESIA_VOICE": "their-voice"}) == ("ours", "https://ours.example.com", "their-voice")  # a wish, and no account
    with pytest.raises(ConfigError, match="CARTESIA_API_KEY is not set"):  # and never our key at their address
        await of({"CARTESIA_BASE_URL": "https://theirs.example.com"})
    with pytest.raises(ConfigError, match="AZURE_BASE_URL"):
        await them.hedged_llm(["azure:gpt"], {"AZURE_API_KEY": "theirs"})
    theirs = await them.hedged_llm(["azure:gpt"], {"AZURE_API_KEY": "theirs", "AZURE_BASE_URL": "https://theirs.openai.azure.com"})
    wire: Any = theirs.candidates[0].provider
    assert "2024-01-01" not in wire._wire.url
    await them.aclose()


async def test_an_address_of_a_tenants_is_held_to_the_rules_and_ours_is_not() -> None:
    them = Lineup(ProviderContext(InferencePool(inline=True), ModelStore(None), OURS))
    inside = {"GROQ_API_KEY": "theirs", "GROQ_BASE_URL": "https://127.0.0.1:9"}
    with pytest.raises(ConfigError, match="GROQ_BASE_URL: the address is not on the public internet"):
        await them.hedged_llm([NAME], inside)
    outside: Any = (await them.hedged_llm([NAME], {**inside, "GROQ_BASE_URL": "https://groq.example.com"})).candidates[0].provider
    ours: Any = (await them.hedged_llm(["llamacpp:one"])).candidates[0].provider
    keyed: Any = (await them.hedged_llm([NAME], {"GROQ_API_KEY": "theirs"})).candidates[0].provider
    assert [one._wire.account.reach is not None for one in (outside, ours, keyed)] == [True, False, False]
    await them.aclose()


async def test_every_kind_takes_accounts() -> None:
    them = lineup({})
    vendors = {"DEEPGRAM_API_KEY": "theirs", "CARTESIA_API_KEY": "theirs"}
    stt = await them.steady_stt(["deepgram:nova-3", "deepgram_flux"], vendors)
    tts = await them.steady_tts(["cartesia:sonic"], vendors, voices={"cartesia:sonic": "abc"})
    assert [one.name for one in stt.candidates] == ["deepgram:nova-3", "deepgram_flux"]
    assert tts.voice(tts.candidates[0], "heart") == "abc"
    await stt.aclose()
    await tts.aclose()
    await them.aclose()


async def test_no_key_is_shown_anywhere() -> None:
    secret = "gsk-never-shown-0123456789"
    them, twin = lineup(), lineup()
    found = [await one.hedged_llm([NAME], {"GROQ_API_KEY": secret}) for one in (them, twin)]
    accounts = {one.candidates[0].health.account for one in found}
    assert len(accounts) == 2
    assert all(account and secret not in account for account in accounts)
    assert secret not in f"{found}{them._loaded}{them.report()}{_Env({}, {'A_API_KEY': secret})}{them.__dict__}"
    for one in (them, twin):
        await one.aclose()


def test_settings_that_a_provider_did_not_read_are_not_lent_to_those_who_share_it() -> None:
    env = _Env({"A_API_KEY": "ours", "PATH": "/bin"}, {"A_API_KEY": "theirs", "B_API_KEY": "theirs"})
    assert env["A_API_KEY"] == "theirs"
    env.seal()
    assert env.seen == {"A_API_KEY"}
    assert (env.get("A_API_KEY"), env.get("B_API_KEY"), env.get("PATH")) == ("theirs", None, "/bin")
    assert env.seen == {"A_API_KEY"}


def test_a_plan_carries_accounts_and_shows_none() -> None:
    secret = "sk-never-shown-0123456789"
    plan = CallPlan.model_validate({"call": "c", "script": {}, "models": {"vendors": {"OPENAI_API_KEY": secret}}})
    assert secret not in f"{plan!r}{plan}"
    assert CallPlan.model_validate_json(plan.model_dump_json()).models.vendors == {"OPENAI_API_KEY": secret}
    assert Models().vendors == {}


async def test_a_plan_that_is_kept_for_a_number_is_kept_without_keys(tmp_path: Path) -> None:
    plan = CallPlan.model_validate({"call": "c", "script": {}, "models": {"llm": [NAME], "vendors": {"GROQ_API_KEY": "gsk-never-kept"}}})

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=plan.model_dump_json())

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        plans = OrchestratorPlans(http, "http://127.0.0.1:9", "secret", 1.0, tmp_path)
        asked = await plans.plan(PlanRequest(call=CallId("c"), transport="twilio", did="+441214960000"))
    assert asked.models.vendors == {"GROQ_API_KEY": "gsk-never-kept"}
    kept = [path.read_text() for path in tmp_path.rglob("*.json")]
    assert [NAME in text and "gsk-never-kept" not in text for text in kept] == [True]


@pytest.mark.parametrize("vendors", [{"PATH": "x"}, {"openai_api_key": "x"}, {"OPENAI_API_KEY": ["sk-never-shown-1"]}, {"LD_PRELOAD": "x"}])
def test_other_settings_are_refused_without_showing_them(vendors: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        CallPlan.model_validate({"call": "c", "script": {}, "models": {"vendors": vendors}})
    assert "sk-never-shown-1" not in str(refused.value)
    assert not isinstance(refused.value, OffhookError)
