"""Routes of carrier accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from offhook.orchestrator.auth.access import ID, TenantAccess, in_tenant
from offhook.orchestrator.carriers import accounts
from offhook.orchestrator.carriers.schemas import AccountChange, AccountTest, AccountView, NewAccount
from offhook.orchestrator.errors import Problem
from offhook.orchestrator.kit.etag import IfMatch, etag, match
from offhook.orchestrator.kit.once import once
from offhook.orchestrator.kit.paging import Page, PageQuery, page, position_of

router = APIRouter(prefix="/v1/tenants/{tenant}/carrier-accounts", tags=["numbers"])
Reading = Annotated[TenantAccess, in_tenant("numbers.read")]
Writing = Annotated[TenantAccess, in_tenant("numbers.write")]
AccountId = Annotated[str, Path(pattern=ID)]
PROBLEM: dict[str, Any] = {"model": Problem}
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
async def test_carrier_account(account: AccountId, access: Writing) -> AccountTest:
    """Whether the account could be used, as far as can be told without asking the carrier."""
    return await accounts.test(access.scope, access.given, account)
