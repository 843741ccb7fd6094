"""Accounts with vendors: keys go in, into plans of the calls that need them, and come out nowhere else."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from tests.e2e.business import ADMIN, House, open_house
from tests.e2e.test_plans_queries import MOST, queries
from tests.e2e.test_tenants_exports import fetched, lines, made

from offhook.orchestrator.vault.seal import Unsealable

KEY, OTHER, THIRD = "deepgram-key-of-harbour-1111", "deepgram-key-of-harbour-2222", "deepgram-key-of-reseller-3333"
PATH = "/vendor-accounts/deepgram"
CLOUD = {"stt": ["deepgram:nova-3", "local"], "llm": ["vllm:small"]}


async def put(house: House, body: dict[str, Any], vendor: str = "deepgram", **headers: str) -> httpx.Response:
    return await house.ask("PUT", f"/vendor-accounts/{vendor}", body, **headers)


async def lend(house: House, body: dict[str, Any], vendor: str = "deepgram", reseller: str = "direct", **headers: str) -> httpx.Response:
    sent = ADMIN | {name.replace("_", "-"): value for name, value in headers.items()}
    return await house.http.put(f"/v1/resellers/{reseller}/vendor-accounts/{vendor}", json=body, headers=sent)


async def speak_by(house: House, **providers: list[str]) -> None:
    """Publish the agent with these providers."""
    draft = (await house.get("/agents/front-desk/draft")).json()
    body = {"providers": {**draft["config"]["providers"], **providers}}
    changed = await house.ask("PATCH", "/agents/front-desk/draft", body, If_Match="*")
    assert changed.status_code == 200, changed.text
    assert (await house.ask("POST", "/agents/front-desk/publish", {}, If_Match="*")).is_success


async def vendors_of(house: House, call: str, **fields: str) -> dict[str, str]:
    found: dict[str, str] = (await house.plan(call, **fields))["models"]["vendors"]
    return found


async def test_keys_go_in_and_never_come_out(house: House) -> None:
    first = await put(house, {"api_key": KEY, "region": "eu"}, Idempotency_Key="once")
    assert first.status_code == 200, first.text
    assert first.json()["api_key"] == {"set": True, "last4": "1111"}
    again = await put(house, {"api_key": KEY, "region": "eu"}, Idempotency_Key="once")
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    shown = await house.get(PATH)
    assert shown.json() == first.json()
    assert (await house.get("/vendor-accounts")).json()["data"] == [first.json()]
    rotated = await house.ask("POST", f"{PATH}/rotate", {"api_key": OTHER})
    assert rotated.status_code == 200, rotated.text
    assert (rotated.json()["api_key"]["last4"], rotated.json()["region"], rotated.json()["revision"]) == ("2222", "eu", 2)
    lent = await lend(house, {"api_key": THIRD})
    answers = [first, again, shown, rotated, lent, await house.get("/vendor-accounts"), await house.ask("POST", "/agents/check", {})]
    everything = "".join(one.text for one in answers)
    for table in ("vendor_account", "reseller_vendor_account", "audit", "idempotency"):
        everything += str(await house.look(f"select {table}::text from {table}"))  # noqa: S608
    for key in (KEY, OTHER, THIRD):
        assert key not in everything
        assert key.encode().hex() not in everything
    log = await house.look("select action, target, details from audit where target = 'deepgram' order by at")
    assert [row[0] for row in log] == ["vendor_account.created", "vendor_account.rotated", "vendor_account.created"]
    assert log[0][2] == {"base_url": None, "region": "eu", "key": True}


async def test_nobody_overwrites_what_they_have_not_seen(house: House) -> None:
    assert (await put(house, {"api_key": KEY}, If_Match='"r7"')).status_code == 412
    assert (await put(house, {"api_key": KEY}, If_Match="*")).status_code == 412  # there is none that could be any
    kept = await put(house, {"api_key": KEY}, If_Match='"r0"')
    assert (kept.status_code, kept.headers["etag"]) == (200, '"r1"')
    assert (await put(house, {"api_key": OTHER})).status_code == 428
    assert (await put(house, {"api_key": OTHER}, If_Match='"r0"')).status_code == 412
    changed = await put(house, {"api_key": OTHER, "base_url": "https://gateway.example.com/deepgram/"}, If_Match='"r1"')
    assert changed.json()["base_url"] == "https://gateway.example.com/deepgram"
    assert (await house.ask("DELETE", PATH, If_Match='"r1"')).status_code == 412
    assert (await house.ask("DELETE", PATH, If_Match='"r2"')).status_code == 204
    assert (await house.get(PATH)).status_code == 404
    assert (await house.ask("POST", f"{PATH}/rotate", {"api_key": KEY})).status_code == 404
    assert await house.look("select * from vendor_account") == []


@pytest.mark.parametrize(
    ("vendor", "body", "path"),
    [
        ("deepgrm", {"api_key": KEY}, "vendor"),
        ("local", {"api_key": KEY}, "vendor"),
        ("deepgram", {}, "api_key"),
        ("deepgram", {"region": "eu"}, "api_key"),
        ("deepgram", {"api_key": "short"}, "api_key"),
        ("deepgram", {"api_key": f"{KEY} "}, "api_key"),
        ("deepgram", {"api_key": KEY, "region": "moon"}, "region"),
        ("cartesia", {"api_key": KEY, "region": "eu"}, "region"),
        ("deepgram", {"api_key": KEY, "region": "eu", "base_url": "https://api.example.com"}, "region"),
        ("azure", {"api_key": KEY}, "base_url"),
        ("vllm", {}, "base_url"),  # without one it would be whatever listens beside the engine
        ("llamacpp", {"api_key": KEY}, "base_url"),
        *(
            ("deepgram", {"api_key": KEY, "base_url": url}, "base_url")
            for url in (
                "http://api.example.com", "wss://api.example.com", "https://127.0.0.1", "https://10.0.0.1", "https://169.254.169.254",
                "https://[::1]", "https://localhost", "https://metadata.google.internal", "https://2130706433", "https://u:p@example.com",
                "https://api.example.com:8443", "https://api.example.com/v1?key=", "https://api.example.com/#x", "api.example.com", "",
            )
        ),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named_without_the_key(house: House, vendor: str, body: dict[str, Any], path: str) -> None:
    for answer in (await put(house, body, vendor), await lend(house, body, vendor)):
        assert answer.status_code == 422, answer.text
        assert path in [one["path"] for one in answer.json()["errors"]]
        assert KEY not in answer.text
    assert await house.look("select 1 from vendor_account union all select 1 from reseller_vendor_account") == []


async def test_a_plan_has_the_accounts_that_its_models_need_and_no_others(house: House) -> None:
    """The tenant's, else its reseller's; each whole, so that no key goes to the address of somebody else's account."""
    await put(house, {"api_key": KEY, "region": "eu"})
    await put(house, {"api_key": "cartesia-key-of-harbour"}, "cartesia")
    assert await vendors_of(house, "c1") == {}  # it speaks by what is embedded
    await speak_by(house, **CLOUD)
    mine = {"DEEPGRAM_API_KEY": KEY, "DEEPGRAM_BASE_URL": "https://api.eu.deepgram.com"}
    assert await vendors_of(house, "c2") == mine
    await lend(house, {"api_key": THIRD, "region": "us"})
    await lend(house, {"base_url": "https://gpu.example.com/v1"}, "vllm")
    lent = {"VLLM_API_KEY": "", "VLLM_BASE_URL": "https://gpu.example.com/v1"}  # no key, and not the engine's either
    assert await vendors_of(house, "c3") == mine | lent
    assert (await house.ask("POST", f"{PATH}/rotate", {"api_key": OTHER})).is_success
    assert await vendors_of(house, "c4") == mine | lent | {"DEEPGRAM_API_KEY": OTHER}
    await house.ask("DELETE", PATH, If_Match="*")
    theirs = {"DEEPGRAM_API_KEY": THIRD, "DEEPGRAM_BASE_URL": "https://api.deepgram.com"}
    assert await vendors_of(house, "c5") == theirs | lent
    await put(house, {"api_key": KEY})
    assert await vendors_of(house, "c6") == {"DEEPGRAM_API_KEY": KEY, "DEEPGRAM_BASE_URL": ""} | lent


async def test_a_test_call_has_them_too_and_nothing_keeps_them(house: House) -> None:
    await put(house, {"api_key": KEY})
    await speak_by(house, stt=["deepgram_flux"])
    started = (await house.ask("POST", "/agents/front-desk/voice-tests", {})).json()
    assert (await vendors_of(house, "c1", transport="browser", token=started["token"]))["DEEPGRAM_API_KEY"] == KEY
    tables = await house.look("select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace")
    for (table,) in tables:
        kept = json.dumps([str(row) for row in await house.look(f'select t::text from "{table}" t')])  # noqa: S608
        assert KEY not in kept, table


async def test_the_tenants_of_another_reseller_are_lent_nothing(house: House) -> None:
    await lend(house, {"api_key": THIRD})
    await house.look("insert into reseller (id, name) values ('res_other', 'Other')")
    await house.look("update tenant set reseller_id = 'res_other' where id = 'harbour'")
    await speak_by(house, **CLOUD)
    assert await vendors_of(house, "c1") == {}
    assert (await lend(house, {"api_key": OTHER}, reseller="res_other")).status_code == 200
    assert (await vendors_of(house, "c2"))["DEEPGRAM_API_KEY"] == OTHER
    sealed = "select api_key from reseller_vendor_account where reseller_id = "
    await house.look(f"update reseller_vendor_account set api_key = ({sealed}'direct') where reseller_id = 'res_other'")  # noqa: S608
    assert await vendors_of(house, "c3") == {"DEEPGRAM_API_KEY": "", "DEEPGRAM_BASE_URL": ""}  # sealed for another owner


async def test_a_key_that_opens_no_more_is_nobodys_and_the_call_goes_on(house: House, database_url: str) -> None:
    """Not the engine's own account instead: that would be somebody else's bill, and perhaps somewhere else."""
    await put(house, {"api_key": KEY, "region": "eu"})
    await lend(house, {"api_key": THIRD})
    await speak_by(house, **CLOUD)
    await house.look("update data_key set wrapped = wrapped || '\\x00'")
    assert await vendors_of(house, "c1") == {"DEEPGRAM_API_KEY": "", "DEEPGRAM_BASE_URL": "https://api.eu.deepgram.com"}


async def test_an_operator_may_open_a_network_of_its_own(database_url: str) -> None:
    async with open_house(database_url, webhook_networks=("10.1.0.0/16",), webhook_ports=()) as house:
        assert (await put(house, {"base_url": "https://10.1.2.3:8000/v1"}, "vllm")).status_code == 200
        assert (await put(house, {"base_url": "https://10.2.2.3:8000/v1"}, "vllm", If_Match="*")).status_code == 422


async def test_no_key_is_taken_that_would_travel_in_the_clear(database_url: str) -> None:
    """Also where the operator allows addresses without TLS: engines would refuse the calls."""
    async with open_house(database_url, webhook_networks=("10.1.0.0/16",), webhook_ports=(), webhook_http=True) as house:
        inside = {"base_url": "http://10.1.2.3:8000/v1"}
        assert (await put(house, inside, "vllm")).status_code == 200
        refused = await put(house, inside | {"api_key": KEY}, "vllm", If_Match="*")
        assert (refused.status_code, [one["path"] for one in refused.json()["errors"]]) == (422, ["base_url"])


async def test_only_who_may_sees_and_changes_them(house: House) -> None:
    await put(house, {"api_key": KEY})
    for permission, expected in (("vendors.read", 403), ("vendors.write", 200), ("tenant.write", 403)):
        headers = await house.key(permission)
        answer = await house.http.post(f"/v1/tenants/harbour{PATH}/rotate", json={"api_key": OTHER}, headers=headers)
        assert answer.status_code == expected, (permission, answer.text)
    headers = await house.key("vendors.read", "vendors.write", tenant="quayside")
    assert (await house.http.get("/v1/resellers/direct/vendor-accounts", headers=headers)).status_code == 404
    assert (await house.http.get("/v1/tenants/quayside/vendor-accounts", headers=headers)).json()["data"] == []


async def test_a_reseller_goes_with_what_it_lent(house: House) -> None:
    new = (await house.http.post("/v1/resellers", json={"name": "Gone"}, headers=ADMIN)).json()
    assert (await lend(house, {"api_key": THIRD}, reseller=new["id"])).status_code == 200
    gone = await house.http.delete(f"/v1/resellers/{new['id']}", headers=ADMIN | {"if-match": "*"})
    assert gone.status_code == 204, gone.text
    assert await house.look("select * from reseller_vendor_account") == []


async def test_the_check_of_an_agent_says_which_account_is_missing(house: House) -> None:
    document = (await house.get("/agents/front-desk/draft")).json()["config"]
    document["providers"] |= {"stt": ["deepgram:nova-3", "deepgram_flux"], "llm": ["vllm:small"]}

    async def warnings() -> dict[str, str]:
        answer = await house.ask("POST", "/agents/check", {"config": document})
        assert answer.status_code == 200, answer.text
        assert answer.json()["ok"], answer.text
        return {one["path"]: one["message"] for one in answer.json()["warnings"] if one["path"].startswith("providers.")}

    assert set(await warnings()) == {"providers.stt.0", "providers.stt.1", "providers.llm.0"}
    assert "with deepgram" in (await warnings())["providers.stt.1"]
    await lend(house, {"api_key": THIRD, "region": "au"})
    found = await warnings()
    assert set(found) == {"providers.stt.1", "providers.llm.0"}
    assert "the reseller's account is in the region au" in found["providers.stt.1"]
    await put(house, {"api_key": KEY})
    await put(house, {"base_url": "https://gpu.example.com/v1"}, "vllm")
    assert await warnings() == {}


async def test_an_export_has_no_key_and_nothing_of_the_resellers(house: House) -> None:
    await put(house, {"api_key": KEY, "region": "eu"})
    await lend(house, {"api_key": THIRD})
    file = await fetched(house, await made(house))
    everything = b"".join(file.read(name) for name in file.namelist())
    assert KEY.encode() not in everything
    assert "tables/reseller_vendor_account.jsonl" not in file.namelist()
    assert lines(file, "vendor_account")[0]["region"] == "eu"
    assert "api_key" in json.loads(file.read("manifest.json"))["left_out"]["vendor_account"]


async def test_erasing_a_tenant_takes_its_accounts_and_leaves_the_resellers(house: House) -> None:
    await put(house, {"api_key": KEY})
    await lend(house, {"api_key": THIRD})
    [(sealed,)] = await house.look("select api_key from vendor_account")
    erasing = await house.ask("DELETE", "", {"name": "Harbour Plumbing"}, If_Match="*")
    assert erasing.status_code == 202, erasing.text

    async def gone() -> bool:
        return not await house.look("select from tenant where id = 'harbour'")

    await house.work_until(gone)
    assert await house.look("select * from vendor_account") == []
    assert await house.look("select * from data_key where tenant_id = 'harbour'") == []
    assert len(await house.look("select * from reseller_vendor_account")) == 1
    async with house.services.database.tenant("harbour") as scope:
        with pytest.raises(Unsealable):  # a copy in some backup is noise
            await house.services.vault.open(scope, "vendor_account/deepgram/api_key", sealed)


async def test_the_database_shows_nobody_what_is_not_theirs(house: House) -> None:
    await put(house, {"api_key": KEY})
    await lend(house, {"api_key": THIRD, "region": "us"})
    await house.look("insert into reseller (id, name) values ('res_other', 'Other')")
    async with house.services.database.tenant("quayside") as scope:
        assert (await scope.session.execute(text("select * from vendor_account"))).all() == []
        lent = await scope.session.execute(text("select vendor, region from reseller_vendor_account"))
        assert [tuple(row) for row in lent] == [("deepgram", "us")]
        with pytest.raises(ProgrammingError):
            await scope.session.execute(text("select api_key from reseller_vendor_account"))
        await scope.session.rollback()
    async with house.services.database.reseller("res_other") as reseller:
        assert (await reseller.session.execute(text("select * from reseller_vendor_account"))).all() == []
    await house.look("update tenant set reseller_id = 'res_other' where id = 'quayside'")
    async with house.services.database.tenant("quayside") as scope:
        assert (await scope.session.execute(text("select vendor from reseller_vendor_account"))).all() == []
    async with house.services.database.platform() as platform:
        may = "select has_any_column_privilege('offhook_platform', 'vendor_account', 'select')"
        assert (await platform.session.execute(text(may))).scalar_one() is False


async def test_a_plan_asks_the_database_little_more(house: House) -> None:
    """Nothing while everything is embedded; two accounts of the tenant and one of the reseller: an account query and a key each."""
    await speak_by(house, stt=["deepgram"], tts=["local", "cartesia"], llm=["openai:gpt-5-mini"])
    for vendor in ("deepgram", "cartesia"):
        await put(house, {"api_key": KEY}, vendor)
    await lend(house, {"api_key": THIRD}, "openai")
    await house.plan("c0")
    with queries() as seen:
        assert len(await vendors_of(house, "c1")) == 6
    assert len(seen) <= MOST + 5, "\n".join(seen)
