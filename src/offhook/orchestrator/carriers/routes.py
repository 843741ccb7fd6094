"""Routes of carrier accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from offhook.orchestrator.auth.access import ID, TenantAccess, TenantDoor, before_tenant, in_tenant
from offhook.orchestrator.carriers import accounts, attaching
from offhook.orchestrator.carriers import media as media_ops
from offhook.orchestrator.carriers.schemas import (
    AccountChange,
    AccountTest,
    AccountView,
    Attach,
    MediaToken,
    NewAccount,
    NewMedia,
    NumberAtCarrier,
    NumbersAtCarrier,
)
from offhook.orchestrator.errors import Problem
from offhook.orchestrator.kit.etag import IfMatch, etag, match
from offhook.orchestrator.kit.once import once
from offhook.orchestrator.kit.paging import Page, PageQuery, page, position_of
from offhook.orchestrator.numbers import ops as numbers

router = APIRouter(prefix="/v1/tenants/{tenant}/carrier-accounts", tags=["numbers"])
media = APIRouter(prefix="/v1/tenants/{tenant}/numbers", tags=["numbers"])
LettingIn = Annotated[TenantAccess, in_tenant("media.write")]
NumberId = Annotated[str, Path(pattern=ID)]
Reading = Annotated[TenantAccess, in_tenant("numbers.read")]
Writing = Annotated[TenantAccess, in_tenant("numbers.write")]
WritingDoor = Annotated[TenantDoor, before_tenant("numbers.write")]
AccountId = Annotated[str, Path(pattern=ID)]
CarrierNumberId = Annotated[str, Path(pattern=ID)]
PROBLEM: dict[str, Any] = {"model": Problem}
ASKING: dict[int | str, dict[str, Any]] = {404: PROBLEM, 409: PROBLEM, 503: PROBLEM}
CHANGING: dict[int | str, dict[str, Any]] = {404: PROBLEM, 412: PROBLEM, 428: PROBLEM}


@router.get("")
async def list_carrier_accounts(access: Reading, part: PageQuery) -> Page[AccountView]:
    """The tenant's accounts with carriers, newest first, without their secrets."""
    filters = {"list": "carrier-accounts", "tenant": access.scope.tenant}
    position = position_of(access.given, filters, part.cursor)
    after = (datetime.fromisoformat(position[0]), str(position[1])) if position else None
    rows = await accounts.page(access.scope, access.given, part.limit + 1, after)
    return page(rows, part.limit, access.given, filters, lambda one: (one.created_at, one.id))


@router.get("/{account}", responses={404: PROBLEM})
async def show_carrier_account(account: AccountId, access: Reading, response: Response) -> AccountView:
    """An account without its secrets; its ETag is needed to change it."""
    found = await accounts.show(access.scope, access.given, account)
    response.headers["ETag"] = etag(found.revision)
    return found


@router.post("", status_code=201)
@once
async def create_carrier_account(body: NewAccount, access: Writing) -> AccountView:
    """Keep an account with a carrier. Its secrets are sealed and do not come out again."""
    made = await accounts.create(access.scope, access.given, body)
    await access.audit("carrier_account.created", made.id, {"account_sid": made.account_sid})
    return made


@router.patch("/{account}", responses=CHANGING)
async def change_carrier_account(
    account: AccountId, body: AccountChange, access: Writing, request: Request, response: Response, _: IfMatch = None
) -> AccountView:
    """Change what is given of an account."""
    old = await accounts.show(access.scope, access.given, account, lock=True)
    match(request, old.revision)
    new = await accounts.change(access.scope, access.given, account, body)
    await access.audit("carrier_account.changed", account, {"fields": sorted(body.model_fields_set)})
    response.headers["ETag"] = etag(new.revision)
    return new


@router.delete("/{account}", status_code=204, responses=CHANGING | {409: PROBLEM})
async def delete_carrier_account(account: AccountId, access: Writing, request: Request, _: IfMatch = None) -> None:
    """Drop an account with its secrets, once no number belongs to it."""
    old = await accounts.show(access.scope, access.given, account, lock=True)
    match(request, old.revision)
    await accounts.delete(access.scope, account)
    await access.audit("carrier_account.deleted", account, {"account_sid": old.account_sid})


@router.post("/{account}/test", responses={404: PROBLEM})
async def test_carrier_account(account: AccountId, door: WritingDoor) -> AccountTest:
    """Whether the account can be used: its carrier is asked, if nothing here is in the way."""
    return await attaching.test(door.given, door.tenant, account)


@router.get("/{account}/numbers", responses=ASKING)
async def list_numbers_at_carrier(account: AccountId, door: WritingDoor) -> NumbersAtCarrier:
    """The numbers that the account has at its carrier, now, and whether they ring here."""
    return NumbersAtCarrier(data=await attaching.listed(door.given, door.tenant, account))


@router.post("/{account}/numbers/{number}/attach", responses=ASKING)
async def attach_number_at_carrier(account: AccountId, number: CarrierNumberId, body: Attach, door: WritingDoor) -> NumberAtCarrier:
    """Let a number of the account (by the carrier's id) ring here: its address is set at the carrier, and a self-test call placed."""
    made = await attaching.attach(door.given, door.tenant, account, number, body.agent_id)
    async with door.enter() as access:
        await access.audit("number.attached", made.number_id or number, {"did": made.did, "agent_id": body.agent_id, "account": account})
    return made


@router.post("/{account}/numbers/{number}/self-test", responses=ASKING)
async def self_test_number_at_carrier(account: AccountId, number: CarrierNumberId, door: WritingDoor) -> NumberAtCarrier:
    """Read the number back from the carrier, and let the carrier ring it: the result is there a few seconds later."""
    tested = await attaching.self_test(door.given, door.tenant, account, number)
    async with door.enter() as access:
        await access.audit("number.self_tested", tested.number_id or number, {"did": tested.did, "account": account})
    return tested


@media.post("/{number}/media-tokens", status_code=201, responses={404: PROBLEM, 409: PROBLEM})
async def create_media_token(number: NumberId, body: NewMedia, access: LettingIn) -> MediaToken:
    """Let in the media of a call to this number, from a telephone system of yours: Asterisk, jambonz, Exotel. Once, and soon."""
    return await media_ops.let_in(access.scope, access.given, await numbers.show(access.scope, number), body)
