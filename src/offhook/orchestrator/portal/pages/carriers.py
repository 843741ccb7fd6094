"""A tenant's accounts with carriers. Secrets go in and are used; of what was typed nothing is shown but its last four letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response

from offhook.orchestrator.auth.access import ID, TenantAccess, TenantDoor, before_tenant, in_tenant
from offhook.orchestrator.carriers import accounts, attaching
from offhook.orchestrator.carriers.kinds import KINDS, KindName
from offhook.orchestrator.carriers.schemas import AccountChange, AccountTest, NewAccount
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.portal import steps
from offhook.orchestrator.portal.forms import Typed, sentence
from offhook.orchestrator.portal.frame import Framed, onward, tenant_shell
from offhook.orchestrator.portal.pages.numbers import account_name
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.show import _

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[TenantAccess, in_tenant("numbers.read")]
Writing = Annotated[TenantAccess, in_tenant("numbers.write")]
WritingDoor = Annotated[TenantDoor, before_tenant("numbers.write")]
AccountId = Annotated[str, Path(pattern=ID)]
SECRET: Final = ("auth_token", "api_key_secret")
SETTINGS: Final[Mapping[str, tuple[str, str]]] = {
    "space": ("Space", "The host of your dashboard, such as example.signalwire.com."),
    "public_key": ("Public key", "Under Keys & Credentials: we check each call's signature with it."),
    "application_id": ("Application ID", "The application whose numbers are ours. Without it we cannot set up numbers, nor place calls."),
}
"""What else some accounts have: labels and helps."""
_WHOLE: Final = {"": "api_key_sid"}
"""What is wrong with the two of a key together is said at the first of them."""


@router.get("/t/{tenant}/numbers/accounts/new", response_class=HTMLResponse)
async def new_account_page(request: Request, frame: Framed, access: Writing, kind: KindName = "twilio") -> HTMLResponse:
    """An account to be kept."""
    return await _new(request, frame, access, Typed(), kind)


async def _new(request: Request, frame: Framed, access: TenantAccess, typed: Typed, kind: KindName) -> HTMLResponse:
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
        kind=kind,
        carrier=KINDS[kind],
        kinds=[(name, one.title) for name, one in KINDS.items()],
        extras=_extras(kind),
        once=steps.fresh(),
    )


def _extras(kind: str) -> list[tuple[str, str, str, bool]]:
    """What else this carrier's accounts have: field, label, help, and whether there must be one."""
    return [(name, _(SETTINGS[name][0]), _(SETTINGS[name][1]), name in KINDS[kind].needed) for name in KINDS[kind].settings]


@router.post("/t/{tenant}/numbers/accounts/new", response_class=HTMLResponse)
async def new_account_form(request: Request, frame: Framed, access: Writing, fields: Posted, kind: KindName = "twilio") -> Response:
    """Keep an account; its secrets are sealed."""
    async with steps.step(access, fields, _WHOLE, SECRET) as tried:
        await steps.first(access, fields)
        told = {name: fields.get(name, "").strip() for name in KINDS[kind].settings}
        body = NewAccount.model_validate({"kind": kind, "label": fields.get("label", "").strip(), **_given(fields), **_key(fields), **told})
        made = await accounts.create(access.scope, access.given, body)
        await access.audit("carrier_account.created", made.id, {"account_sid": made.account_sid})
    if tried.typed is not None:
        return await _new(request, frame, access, _fixed(tried.typed, kind), kind)
    return onward(f"/t/{access.scope.tenant}/numbers/accounts/{made.id}", "added")


def _fixed(typed: Typed, kind: str) -> Typed:
    """What to do about an id that is not of this carrier's."""
    told = {name: _(KINDS[kind].fix) if name == "account_sid" else said for name, said in typed.errors.items()}
    return replace(typed, errors=told)


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
        carrier=KINDS[one.kind],
        extras=_extras(one.kind),
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
        changes |= {name: value for name, value in key.items() if value is not None or old.kind == "twilio"} if any(key.values()) else {}
        told = {name: fields.get(name, "").strip() for name in KINDS[old.kind].settings if name in fields}
        changes |= {name: value for name, value in told.items() if value != old.settings.get(name, "")}
        if changes:
            body = AccountChange.model_validate(changes)
            await accounts.change(access.scope, access.given, account, body)
            await access.audit("carrier_account.changed", account, {"fields": sorted(body.model_fields_set)})
    if tried.typed is not None:
        return await _account(request, frame, access, account, tried.typed)
    return onward(f"/t/{access.scope.tenant}/numbers/accounts/{account}", "saved")


@router.post("/t/{tenant}/numbers/accounts/{account}/test", response_class=HTMLResponse)
async def check_account_form(request: Request, frame: Framed, door: WritingDoor, account: AccountId, fields: Posted) -> HTMLResponse:  # noqa: ARG001 - that it is asked for checks the form
    """Whether it can be used: its carrier is asked. Changes nothing, so the answer is the page."""
    tested = await attaching.test(door.given, door.tenant, account)
    async with door.enter() as access:
        return await _account(request, frame, access, account, Typed(), tested)


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
