"""What every route has in common: idempotency keys, rate limits, problem documents, one transaction a request."""

from __future__ import annotations

from typing import Annotated

import anyio
import pytest
from fastapi import Response
from pydantic import BaseModel
from sqlalchemy import text
from tests.e2e.business import ADMIN, House, open_house

from offhook.errors import Conflict
from offhook.orchestrator.auth.access import TenantAccess, in_tenant
from offhook.orchestrator.kit.once import once


class Made(BaseModel):
    count: int


class Wish(BaseModel):
    name: str
    fail: bool = False


@pytest.fixture
async def counting(house: House) -> House:
    """A route that makes a contact, and says how many there are then."""

    @house.app.post("/v1/tenants/{tenant}/counted", status_code=201)
    @once
    async def counted(body: Wish, access: Annotated[TenantAccess, in_tenant("contacts.write")]) -> Made:
        await access.scope.session.execute(
            text("insert into contact (tenant_id, id, name) values (:tenant, gen_random_uuid()::text, :name)"),
            {"tenant": access.scope.tenant, "name": body.name},
        )
        await access.audit("contact.counted", "x")
        await anyio.sleep(0.05)
        if body.fail:
            raise Conflict("no")
        return Made(count=(await access.scope.session.execute(text("select count(*) from contact"))).scalar_one())

    return house


async def test_a_repeated_request_has_one_effect_and_one_answer(counting: House) -> None:
    answers: list[Response] = []

    async def send() -> None:
        answers.append(await counting.ask("POST", "/counted", {"name": "Ann"}, idempotency_key="k1"))  # type: ignore[arg-type]

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(send)
    assert {answer.status_code for answer in answers} == {201}
    assert {answer.text for answer in answers} == {'{"count":1}'}  # type: ignore[attr-defined]
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 7
    assert (await counting.look("select count(*) from audit where action = 'contact.counted'"))[0][0] == 1


async def test_a_key_belongs_to_one_request_of_one_principal_and_tenant(counting: House) -> None:
    assert (await counting.ask("POST", "/counted", {"name": "Ann"}, idempotency_key="k")).json() == {"count": 1}
    other = await counting.ask("POST", "/counted", {"name": "Bob"}, idempotency_key="k")
    assert (other.status_code, other.json()["type"]) == (409, "urn:offhook:problem:conflict")
    assert (await counting.ask("POST", "/counted", {"name": "Ann"}, tenant="quayside", idempotency_key="k")).json() == {"count": 1}
    key = await counting.key("contacts.write")
    assert (await counting.ask("POST", "/counted", {"name": "Ann"}, idempotency_key="k", **key)).json() == {"count": 2}
    assert (await counting.ask("POST", "/counted", {"name": "Ann"})).json() == {"count": 3}
    for wrong in ("", "x" * 201):
        assert (await counting.ask("POST", "/counted", {"name": "Ann"}, idempotency_key=wrong)).status_code == 422


async def test_a_request_that_fails_leaves_nothing_and_its_key_is_free(counting: House) -> None:
    assert (await counting.ask("POST", "/counted", {"name": "Ann", "fail": True}, idempotency_key="k")).status_code == 409
    assert (await counting.look("select count(*) from contact"))[0][0] == 0
    assert (await counting.look("select count(*) from audit where action = 'contact.counted'"))[0][0] == 0
    assert (await counting.ask("POST", "/counted", {"name": "Ann"}, idempotency_key="k")).json() == {"count": 1}


async def test_faults_name_their_place(counting: House) -> None:
    answer = await counting.ask("POST", "/counted", {"name": 7})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:offhook:problem:invalid"
    assert [one["path"] for one in answer.json()["errors"]] == ["name"]
    missing = await counting.http.get("/v1/nothing", headers=ADMIN)
    assert (missing.status_code, missing.json()["type"]) == (404, "urn:offhook:problem:not_found")
    assert (await counting.http.put("/healthz")).json()["type"] == "urn:offhook:problem:method_not_allowed"


async def test_a_rate_limit_says_what_is_left(database_url: str) -> None:
    async with open_house(database_url, requests_per_minute=4) as house:
        key = await house.key("calls.read")
        first = await house.ask("GET", "/calls", **key)
        assert first.headers["ratelimit-policy"] == '"default";q=2;w=30'
        assert first.headers["ratelimit"] == '"default";r=1;t=15'
        assert first.headers["cache-control"] == "no-store"
        await house.ask("GET", "/calls", **key)
        refused = await house.ask("GET", "/calls", **key)
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "15"
        assert refused.json()["type"] == "urn:offhook:problem:too_many_requests"
        assert (await house.ask("GET", "/calls", **await house.key("calls.read"))).status_code == 200  # each has its own
