"""A tenant's accounts with carriers. Secrets go in and are used; of what was typed nothing is shown but its last four letters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response

from offhook.orchestrator.auth.access import ID, TenantAccess, in_tenant
from offhook.orchestrator.carriers import accounts
from offhook.orchestrator.carriers.schemas import AccountChange, AccountTest, NewAccount
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.portal import steps
from offhook.orchestrator.portal.forms import Typed, sentence
from offhook.orchestrator.portal.frame import Framed, onward, tenant_shell
from offhook.orchestrator.portal.pages.numbers import account_name
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[TenantAccess, in_tenant("numbers.read")]
Writing = Annotated[TenantAccess, in_tenant("numbers.write")]
AccountId = Annotated[str, Path(pattern=ID)]
SECRET: Final = ("auth_token", "api_key_secret")
_WHOLE: Final = {"": "api_key_sid"}
"""What is wrong with the two of a key together is said at the first of them."""


@router.get("/t/{tenant}/numbers/accounts/new", response_class=HTMLResponse)
async def new_account_page(request: Request, frame: Framed, access: Writing) -> HTMLResponse:
    """An account to be kept."""
    return await _new(request, frame, access, Typed())


async def _new(request: Request, frame: Framed, access: TenantAccess, typed: Typed) -> HTMLResponse:
    shell, local, tenant = await tenant_shell(access, frame.brand, "numbers")
    return portal(request).page(
        request,
        frame,
        "pages/account_new.html",
        status=typed.status,
        shell=shell,
        local=local,
        base=f"/t/{tenant.id}/numbers",
        typed=typed,
        once=steps.fresh(),
    )


@router.post("/t/{tenant}/numbers/accounts/new", response_class=HTMLResponse)
async def new_account_form(request: Request, frame: Framed, access: Writing, fields: Posted) -> Response:
    """Keep an account; its secrets are sealed."""
    async with steps.step(access, fields, _WHOLE, SECRET) as tried:
        await steps.first(access, fields)
        body = NewAccount.model_validate({"label": fields.get("label", "").strip(), **_given(fields), **_key(fields)})
        made = await accounts.create(access.scope, access.given, body)
        await access.audit("carrier_account.created", made.id, {"account_sid": made.account_sid})
    if tried.typed is not None:
        return await _new(request, frame, access, tried.typed)
    return onward(f"/t/{access.scope.tenant}/numbers/accounts/{made.id}", "added")


def _given(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: fields.get(name, "").strip() for name in ("account_sid", "auth_token")}


def _key(fields: Mapping[str, str]) -> dict[str, str | None]:
    return {name: steps.given_or_none(fields, name) for name in ("api_key_sid", "api_key_secret")}


@router.get("/t/{tenant}/numbers/accounts/{account}", response_class=HTMLResponse)
async def account_page(request: Request, frame: Framed, access: Reading, account: AccountId) -> HTMLResponse:
    """An account without its secrets."""
    return await _account(request, frame, access, account, Typed())


async def _account(
    request: Request, frame: Framed, access: TenantAccess, account: str, typed: Typed, test: AccountTest | None = None
) -> HTMLResponse:
    one = await accounts.show(access.scope, access.given, account)
    shell, local, tenant = await tenant_shell(access, frame.brand, "numbers")
    return portal(request).page(
        request,
        frame,
        "pages/account.html",
        status=typed.status,
        shell=shell,
        local=local,
        base=f"/t/{tenant.id}/numbers",
        one=one,
        name=account_name(one),
        numbers=await numbers.with_account(access.scope, account),
        may=access.may,
        test=test,
        faults=[sentence(found) for found in test.faults] if test else [],
        typed=typed,
    )


@router.post("/t/{tenant}/numbers/accounts/{account}", response_class=HTMLResponse)
async def change_account_form(request: Request, frame: Framed, access: Writing, account: AccountId, fields: Posted) -> Response:
    """Another name, another auth token, another key: what is left empty stays."""
    old = await accounts.show(access.scope, access.given, account, lock=True)
    async with steps.step(access, fields, _WHOLE, SECRET) as tried:
        steps.unchanged(fields, old.revision)
        label, token, key = fields.get("label", "").strip(), fields.get("auth_token", "").strip(), _key(fields)
        changes: dict[str, str | None] = {"label": label} if label != old.label else {}
        changes |= {"auth_token": token} if token else {}
        changes |= key if any(key.values()) else {}
        if changes:
            body = AccountChange.model_validate(changes)
            await accounts.change(access.scope, access.given, account, body)
            await access.audit("carrier_account.changed", account, {"fields": sorted(body.model_fields_set)})
    if tried.typed is not None:
        return await _account(request, frame, access, account, tried.typed)
    return onward(f"/t/{access.scope.tenant}/numbers/accounts/{account}", "saved")


@router.post("/t/{tenant}/numbers/accounts/{account}/test", response_class=HTMLResponse)
async def check_account_form(request: Request, frame: Framed, access: Writing, account: AccountId, _: Posted) -> HTMLResponse:
    """Whether it could be used, as far as can be told here. Changes nothing, so the answer is the page."""
    return await _account(request, frame, access, account, Typed(), await accounts.test(access.scope, access.given, account))


@router.post("/t/{tenant}/numbers/accounts/{account}/delete", response_class=HTMLResponse)
async def delete_account_form(request: Request, frame: Framed, access: Writing, account: AccountId, fields: Posted) -> Response:
    """Drop an account that no number belongs to."""
    old = await accounts.show(access.scope, access.given, account, lock=True)
    async with steps.step(access, fields) as tried:
        steps.unchanged(fields, old.revision)
        await accounts.delete(access.scope, account)
        await access.audit("carrier_account.deleted", account, {"account_sid": old.account_sid})
    if tried.typed is not None:
        return await _account(request, frame, access, account, tried.typed)
    return onward(f"/t/{access.scope.tenant}/numbers", "deleted")
