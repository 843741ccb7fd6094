"""Operations of the orchestrator's interface. Made by ``scripts/client.py``; do not edit."""

from __future__ import annotations

import builtins
import datetime as dt

from offhook.client.aio import AsyncFile, AsyncPages, AsyncSender
from offhook.client.base import File, Pages, Request, Sender, Tagged, part
from offhook.client.models import (
    AccountChange,
    AccountTest,
    AccountView,
    Appointment,
    AuditView,
    Call,
    CallDetail,
    Checked,
    Confirmation,
    Erasing,
    ErasureView,
    ExportView,
    LinesView,
    Move,
    NewAccount,
    NewNumber,
    NewReseller,
    NewTenant,
    NumberChange,
    NumberView,
    ResellerChange,
    ResellerView,
    TenantChange,
    TenantLimits,
    TenantView,
)


class AuditGroup:
    """Operations on audit."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_platform(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Pages[AuditView]:
        """Who did what on the platform, newest first; resellers and tenants have logs of their own."""
        request = Request(
            "GET", "/v1/audit", query={"actor": actor, "action": action, "since": since, "until": until, "limit": limit, "cursor": cursor}
        )
        return self._sender.pages(request, AuditView)

    def check_platform(self) -> Checked:
        """Whether every row of the log is as it was written, and none is missing."""
        request = Request("GET", "/v1/audit/check")
        return self._sender.value(request, Checked)

    def list_reseller(
        self,
        reseller: str,
        *,
        actor: str | None = None,
        action: str | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Pages[AuditView]:
        """Who did what with the reseller itself, newest first; its tenants have logs of their own."""
        request = Request(
            "GET",
            f"/v1/resellers/{part(reseller)}/audit",
            query={"actor": actor, "action": action, "since": since, "until": until, "limit": limit, "cursor": cursor},
        )
        return self._sender.pages(request, AuditView)

    def check_reseller(self, reseller: str) -> Checked:
        """Whether every row of the log is as it was written, and none is missing."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/audit/check")
        return self._sender.value(request, Checked)

    def list_tenant(
        self,
        tenant: str,
        *,
        actor: str | None = None,
        action: str | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Pages[AuditView]:
        """Who did what in the tenant, newest first."""
        request = Request(
            "GET",
            f"/v1/tenants/{part(tenant)}/audit",
            query={"actor": actor, "action": action, "since": since, "until": until, "limit": limit, "cursor": cursor},
        )
        return self._sender.pages(request, AuditView)

    def check_tenant(self, tenant: str) -> Checked:
        """Whether every row of the log is as it was written, and none is missing."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/audit/check")
        return self._sender.value(request, Checked)


class CallsGroup:
    """Operations on calls."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_appointments(self, tenant: str, *, limit: int | None = None) -> builtins.list[Appointment]:
        """A tenant's diary, latest first."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/appointments", query={"limit": limit})
        return self._sender.value(request, builtins.list[Appointment])

    def list(self, tenant: str, *, limit: int | None = None) -> builtins.list[Call]:
        """A tenant's calls, latest first."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/calls", query={"limit": limit})
        return self._sender.value(request, builtins.list[Call])

    def show(self, tenant: str, id: str) -> CallDetail:
        """A call with its turns, tools, result and what was booked."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/calls/{part(id)}")
        return self._sender.value(request, CallDetail)


class HealthGroup:
    """Operations on health."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def healthz(self) -> builtins.dict[str, str]:
        """Whether the app and its database work."""
        request = Request("GET", "/healthz")
        return self._sender.value(request, builtins.dict[str, str])


class NumbersGroup:
    """Operations on numbers."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_carrier_accounts(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[AccountView]:
        """The tenant's accounts with carriers, newest first, without their secrets."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/carrier-accounts", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, AccountView)

    def create_carrier_account(self, tenant: str, body: NewAccount, *, idempotency_key: str | None = None) -> AccountView:
        """Keep an account with a carrier. Its secrets are sealed and do not come out again."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/carrier-accounts", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, AccountView)

    def show_carrier_account(self, tenant: str, account: str) -> Tagged[AccountView]:
        """An account without its secrets; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/carrier-accounts/{part(account)}")
        return self._sender.tagged(request, AccountView)

    def change_carrier_account(self, tenant: str, account: str, body: AccountChange, *, if_match: str) -> Tagged[AccountView]:
        """Change what is given of an account."""
        request = Request(
            "PATCH", f"/v1/tenants/{part(tenant)}/carrier-accounts/{part(account)}", headers={"If-Match": if_match}, body=body
        )
        return self._sender.tagged(request, AccountView)

    def delete_carrier_account(self, tenant: str, account: str, *, if_match: str) -> None:
        """Drop an account with its secrets, once no number belongs to it."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/carrier-accounts/{part(account)}", headers={"If-Match": if_match})
        self._sender.nothing(request)

    def test_carrier_account(self, tenant: str, account: str) -> AccountTest:
        """Whether the account could be used, as far as can be told without asking the carrier."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/carrier-accounts/{part(account)}/test")
        return self._sender.value(request, AccountTest)

    def show_lines(self, tenant: str) -> LinesView:
        """How many calls the tenant has at once and may have, and calls that were not taken today (UTC)."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/lines")
        return self._sender.value(request, LinesView)

    def list(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[NumberView]:
        """The tenant's numbers, newest first."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/numbers", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, NumberView)

    def create(self, tenant: str, body: NewNumber, *, idempotency_key: str | None = None) -> NumberView:
        """Give a DID to an agent. A number that is somebody else's is refused in the same words as one that cannot be used."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/numbers", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, NumberView)

    def show(self, tenant: str, number: str) -> Tagged[NumberView]:
        """A number; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/numbers/{part(number)}")
        return self._sender.tagged(request, NumberView)

    def change(self, tenant: str, number: str, body: NumberChange, *, if_match: str) -> Tagged[NumberView]:
        """Change what is given of a number."""
        request = Request("PATCH", f"/v1/tenants/{part(tenant)}/numbers/{part(number)}", headers={"If-Match": if_match}, body=body)
        return self._sender.tagged(request, NumberView)

    def delete(self, tenant: str, number: str, *, if_match: str) -> None:
        """Let a number go: calls to it are no longer taken. Calls that it has go on."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/numbers/{part(number)}", headers={"If-Match": if_match})
        self._sender.nothing(request)


class ResellersGroup:
    """Operations on resellers."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Pages[ResellerView]:
        """All resellers, newest first."""
        request = Request("GET", "/v1/resellers", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, ResellerView)

    def create(self, body: NewReseller, *, idempotency_key: str | None = None) -> ResellerView:
        """Make a reseller: it sells to tenants under its own name."""
        request = Request("POST", "/v1/resellers", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, ResellerView)

    def show(self, reseller: str) -> Tagged[ResellerView]:
        """A reseller; its ETag is needed to change it."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}")
        return self._sender.tagged(request, ResellerView)

    def change(self, reseller: str, body: ResellerChange, *, if_match: str) -> Tagged[ResellerView]:
        """Change what is given of a reseller: its name and how it presents itself."""
        request = Request("PATCH", f"/v1/resellers/{part(reseller)}", headers={"If-Match": if_match}, body=body)
        return self._sender.tagged(request, ResellerView)

    def delete(self, reseller: str, *, if_match: str) -> None:
        """Delete a reseller that nothing belongs to any more."""
        request = Request("DELETE", f"/v1/resellers/{part(reseller)}", headers={"If-Match": if_match})
        self._sender.nothing(request)

    def resume(self, reseller: str) -> ResellerView:
        """Take the calls of its tenants again."""
        request = Request("POST", f"/v1/resellers/{part(reseller)}/resume")
        return self._sender.value(request, ResellerView)

    def suspend(self, reseller: str) -> ResellerView:
        """Refuse the calls of all its tenants."""
        request = Request("POST", f"/v1/resellers/{part(reseller)}/suspend")
        return self._sender.value(request, ResellerView)


class TenantsGroup:
    """Operations on tenants."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_erasures(self, *, limit: int | None = None, cursor: str | None = None) -> Pages[ErasureView]:
        """Certificates of tenants that were erased, newest first."""
        request = Request("GET", "/v1/erasures", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, ErasureView)

    def show_erasure(self, id: str) -> ErasureView:
        """The certificate of an erasure; it is there once the work has begun."""
        request = Request("GET", f"/v1/erasures/{part(id)}")
        return self._sender.value(request, ErasureView)

    def list_reseller_erasures(self, reseller: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[ErasureView]:
        """Certificates of the reseller's tenants that were erased, newest first."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/erasures", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, ErasureView)

    def list_reseller(self, reseller: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[TenantView]:
        """The reseller's tenants, newest first."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/tenants", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, TenantView)

    def create(self, reseller: str, body: NewTenant, *, idempotency_key: str | None = None) -> TenantView:
        """Make a tenant of this reseller."""
        request = Request("POST", f"/v1/resellers/{part(reseller)}/tenants", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, TenantView)

    def limit(self, reseller: str, tenant: str, body: TenantLimits) -> TenantView:
        """Set what the tenant may have at once."""
        request = Request("PUT", f"/v1/resellers/{part(reseller)}/tenants/{part(tenant)}/limits", body=body)
        return self._sender.value(request, TenantView)

    def resume(self, reseller: str, tenant: str) -> TenantView:
        """Take the tenant's calls again."""
        request = Request("POST", f"/v1/resellers/{part(reseller)}/tenants/{part(tenant)}/resume")
        return self._sender.value(request, TenantView)

    def suspend(self, reseller: str, tenant: str) -> TenantView:
        """Refuse the tenant's calls; all else stays as it is."""
        request = Request("POST", f"/v1/resellers/{part(reseller)}/tenants/{part(tenant)}/suspend")
        return self._sender.value(request, TenantView)

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Pages[TenantView]:
        """The tenants that you may read, newest first."""
        request = Request("GET", "/v1/tenants", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, TenantView)

    def show(self, tenant: str) -> Tagged[TenantView]:
        """A tenant; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}")
        return self._sender.tagged(request, TenantView)

    def change(self, tenant: str, body: TenantChange, *, if_match: str) -> Tagged[TenantView]:
        """Change what is given of a tenant."""
        request = Request("PATCH", f"/v1/tenants/{part(tenant)}", headers={"If-Match": if_match}, body=body)
        return self._sender.tagged(request, TenantView)

    def erase(self, tenant: str, body: Confirmation) -> Erasing:
        """Erase the tenant and everything of it, for ever. From now on nobody finds it; a job does the work."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}", body=body)
        return self._sender.value(request, Erasing)

    def list_exports(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[ExportView]:
        """The tenant's exports, newest first."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/exports", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, ExportView)

    def create_export(self, tenant: str, *, idempotency_key: str | None = None) -> ExportView:
        """Have a job put all data of the tenant into one zip file. Whoever asks must be able to read all of it anyway."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/exports", once=True, key=idempotency_key)
        return self._sender.value(request, ExportView)

    def show_export(self, tenant: str, id: str) -> ExportView:
        """How far an export is."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/exports/{part(id)}")
        return self._sender.value(request, ExportView)

    def fetch_export(self, tenant: str, id: str) -> File:
        """The zip file of an export that is ready."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/exports/{part(id)}/file")
        return self._sender.file(request)

    def move(self, tenant: str, body: Move) -> TenantView:
        """Give the tenant, with all that is its own, to another reseller."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/move", body=body)
        return self._sender.value(request, TenantView)


class Operations:
    """All operations, by what they are about."""

    def __init__(self, sender: Sender) -> None:
        self.audit = AuditGroup(sender)
        self.calls = CallsGroup(sender)
        self.health = HealthGroup(sender)
        self.numbers = NumbersGroup(sender)
        self.resellers = ResellersGroup(sender)
        self.tenants = TenantsGroup(sender)


class AsyncAuditGroup:
    """Operations on audit."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    def list_platform(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPages[AuditView]:
        """Who did what on the platform, newest first; resellers and tenants have logs of their own."""
        request = Request(
            "GET", "/v1/audit", query={"actor": actor, "action": action, "since": since, "until": until, "limit": limit, "cursor": cursor}
        )
        return self._sender.pages(request, AuditView)

    async def check_platform(self) -> Checked:
        """Whether every row of the log is as it was written, and none is missing."""
        request = Request("GET", "/v1/audit/check")
        return await self._sender.value(request, Checked)

    def list_reseller(
        self,
        reseller: str,
        *,
        actor: str | None = None,
        action: str | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPages[AuditView]:
        """Who did what with the reseller itself, newest first; its tenants have logs of their own."""
        request = Request(
            "GET",
            f"/v1/resellers/{part(reseller)}/audit",
            query={"actor": actor, "action": action, "since": since, "until": until, "limit": limit, "cursor": cursor},
        )
        return self._sender.pages(request, AuditView)

    async def check_reseller(self, reseller: str) -> Checked:
        """Whether every row of the log is as it was written, and none is missing."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/audit/check")
        return await self._sender.value(request, Checked)

    def list_tenant(
        self,
        tenant: str,
        *,
        actor: str | None = None,
        action: str | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPages[AuditView]:
        """Who did what in the tenant, newest first."""
        request = Request(
            "GET",
            f"/v1/tenants/{part(tenant)}/audit",
            query={"actor": actor, "action": action, "since": since, "until": until, "limit": limit, "cursor": cursor},
        )
        return self._sender.pages(request, AuditView)

    async def check_tenant(self, tenant: str) -> Checked:
        """Whether every row of the log is as it was written, and none is missing."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/audit/check")
        return await self._sender.value(request, Checked)


class AsyncCallsGroup:
    """Operations on calls."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def list_appointments(self, tenant: str, *, limit: int | None = None) -> builtins.list[Appointment]:
        """A tenant's diary, latest first."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/appointments", query={"limit": limit})
        return await self._sender.value(request, builtins.list[Appointment])

    async def list(self, tenant: str, *, limit: int | None = None) -> builtins.list[Call]:
        """A tenant's calls, latest first."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/calls", query={"limit": limit})
        return await self._sender.value(request, builtins.list[Call])

    async def show(self, tenant: str, id: str) -> CallDetail:
        """A call with its turns, tools, result and what was booked."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/calls/{part(id)}")
        return await self._sender.value(request, CallDetail)


class AsyncHealthGroup:
    """Operations on health."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def healthz(self) -> builtins.dict[str, str]:
        """Whether the app and its database work."""
        request = Request("GET", "/healthz")
        return await self._sender.value(request, builtins.dict[str, str])


class AsyncNumbersGroup:
    """Operations on numbers."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    def list_carrier_accounts(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[AccountView]:
        """The tenant's accounts with carriers, newest first, without their secrets."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/carrier-accounts", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, AccountView)

    async def create_carrier_account(self, tenant: str, body: NewAccount, *, idempotency_key: str | None = None) -> AccountView:
        """Keep an account with a carrier. Its secrets are sealed and do not come out again."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/carrier-accounts", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, AccountView)

    async def show_carrier_account(self, tenant: str, account: str) -> Tagged[AccountView]:
        """An account without its secrets; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/carrier-accounts/{part(account)}")
        return await self._sender.tagged(request, AccountView)

    async def change_carrier_account(self, tenant: str, account: str, body: AccountChange, *, if_match: str) -> Tagged[AccountView]:
        """Change what is given of an account."""
        request = Request(
            "PATCH", f"/v1/tenants/{part(tenant)}/carrier-accounts/{part(account)}", headers={"If-Match": if_match}, body=body
        )
        return await self._sender.tagged(request, AccountView)

    async def delete_carrier_account(self, tenant: str, account: str, *, if_match: str) -> None:
        """Drop an account with its secrets, once no number belongs to it."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/carrier-accounts/{part(account)}", headers={"If-Match": if_match})
        await self._sender.nothing(request)

    async def test_carrier_account(self, tenant: str, account: str) -> AccountTest:
        """Whether the account could be used, as far as can be told without asking the carrier."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/carrier-accounts/{part(account)}/test")
        return await self._sender.value(request, AccountTest)

    async def show_lines(self, tenant: str) -> LinesView:
        """How many calls the tenant has at once and may have, and calls that were not taken today (UTC)."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/lines")
        return await self._sender.value(request, LinesView)

    def list(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[NumberView]:
        """The tenant's numbers, newest first."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/numbers", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, NumberView)

    async def create(self, tenant: str, body: NewNumber, *, idempotency_key: str | None = None) -> NumberView:
        """Give a DID to an agent. A number that is somebody else's is refused in the same words as one that cannot be used."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/numbers", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, NumberView)

    async def show(self, tenant: str, number: str) -> Tagged[NumberView]:
        """A number; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/numbers/{part(number)}")
        return await self._sender.tagged(request, NumberView)

    async def change(self, tenant: str, number: str, body: NumberChange, *, if_match: str) -> Tagged[NumberView]:
        """Change what is given of a number."""
        request = Request("PATCH", f"/v1/tenants/{part(tenant)}/numbers/{part(number)}", headers={"If-Match": if_match}, body=body)
        return await self._sender.tagged(request, NumberView)

    async def delete(self, tenant: str, number: str, *, if_match: str) -> None:
        """Let a number go: calls to it are no longer taken. Calls that it has go on."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/numbers/{part(number)}", headers={"If-Match": if_match})
        await self._sender.nothing(request)


class AsyncResellersGroup:
    """Operations on resellers."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[ResellerView]:
        """All resellers, newest first."""
        request = Request("GET", "/v1/resellers", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, ResellerView)

    async def create(self, body: NewReseller, *, idempotency_key: str | None = None) -> ResellerView:
        """Make a reseller: it sells to tenants under its own name."""
        request = Request("POST", "/v1/resellers", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, ResellerView)

    async def show(self, reseller: str) -> Tagged[ResellerView]:
        """A reseller; its ETag is needed to change it."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}")
        return await self._sender.tagged(request, ResellerView)

    async def change(self, reseller: str, body: ResellerChange, *, if_match: str) -> Tagged[ResellerView]:
        """Change what is given of a reseller: its name and how it presents itself."""
        request = Request("PATCH", f"/v1/resellers/{part(reseller)}", headers={"If-Match": if_match}, body=body)
        return await self._sender.tagged(request, ResellerView)

    async def delete(self, reseller: str, *, if_match: str) -> None:
        """Delete a reseller that nothing belongs to any more."""
        request = Request("DELETE", f"/v1/resellers/{part(reseller)}", headers={"If-Match": if_match})
        await self._sender.nothing(request)

    async def resume(self, reseller: str) -> ResellerView:
        """Take the calls of its tenants again."""
        request = Request("POST", f"/v1/resellers/{part(reseller)}/resume")
        return await self._sender.value(request, ResellerView)

    async def suspend(self, reseller: str) -> ResellerView:
        """Refuse the calls of all its tenants."""
        request = Request("POST", f"/v1/resellers/{part(reseller)}/suspend")
        return await self._sender.value(request, ResellerView)


class AsyncTenantsGroup:
    """Operations on tenants."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    def list_erasures(self, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[ErasureView]:
        """Certificates of tenants that were erased, newest first."""
        request = Request("GET", "/v1/erasures", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, ErasureView)

    async def show_erasure(self, id: str) -> ErasureView:
        """The certificate of an erasure; it is there once the work has begun."""
        request = Request("GET", f"/v1/erasures/{part(id)}")
        return await self._sender.value(request, ErasureView)

    def list_reseller_erasures(self, reseller: str, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[ErasureView]:
        """Certificates of the reseller's tenants that were erased, newest first."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/erasures", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, ErasureView)

    def list_reseller(self, reseller: str, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[TenantView]:
        """The reseller's tenants, newest first."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/tenants", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, TenantView)

    async def create(self, reseller: str, body: NewTenant, *, idempotency_key: str | None = None) -> TenantView:
        """Make a tenant of this reseller."""
        request = Request("POST", f"/v1/resellers/{part(reseller)}/tenants", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, TenantView)

    async def limit(self, reseller: str, tenant: str, body: TenantLimits) -> TenantView:
        """Set what the tenant may have at once."""
        request = Request("PUT", f"/v1/resellers/{part(reseller)}/tenants/{part(tenant)}/limits", body=body)
        return await self._sender.value(request, TenantView)

    async def resume(self, reseller: str, tenant: str) -> TenantView:
        """Take the tenant's calls again."""
        request = Request("POST", f"/v1/resellers/{part(reseller)}/tenants/{part(tenant)}/resume")
        return await self._sender.value(request, TenantView)

    async def suspend(self, reseller: str, tenant: str) -> TenantView:
        """Refuse the tenant's calls; all else stays as it is."""
        request = Request("POST", f"/v1/resellers/{part(reseller)}/tenants/{part(tenant)}/suspend")
        return await self._sender.value(request, TenantView)

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[TenantView]:
        """The tenants that you may read, newest first."""
        request = Request("GET", "/v1/tenants", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, TenantView)

    async def show(self, tenant: str) -> Tagged[TenantView]:
        """A tenant; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}")
        return await self._sender.tagged(request, TenantView)

    async def change(self, tenant: str, body: TenantChange, *, if_match: str) -> Tagged[TenantView]:
        """Change what is given of a tenant."""
        request = Request("PATCH", f"/v1/tenants/{part(tenant)}", headers={"If-Match": if_match}, body=body)
        return await self._sender.tagged(request, TenantView)

    async def erase(self, tenant: str, body: Confirmation) -> Erasing:
        """Erase the tenant and everything of it, for ever. From now on nobody finds it; a job does the work."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}", body=body)
        return await self._sender.value(request, Erasing)

    def list_exports(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[ExportView]:
        """The tenant's exports, newest first."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/exports", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, ExportView)

    async def create_export(self, tenant: str, *, idempotency_key: str | None = None) -> ExportView:
        """Have a job put all data of the tenant into one zip file. Whoever asks must be able to read all of it anyway."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/exports", once=True, key=idempotency_key)
        return await self._sender.value(request, ExportView)

    async def show_export(self, tenant: str, id: str) -> ExportView:
        """How far an export is."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/exports/{part(id)}")
        return await self._sender.value(request, ExportView)

    def fetch_export(self, tenant: str, id: str) -> AsyncFile:
        """The zip file of an export that is ready."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/exports/{part(id)}/file")
        return self._sender.file(request)

    async def move(self, tenant: str, body: Move) -> TenantView:
        """Give the tenant, with all that is its own, to another reseller."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/move", body=body)
        return await self._sender.value(request, TenantView)


class AsyncOperations:
    """All operations, by what they are about."""

    def __init__(self, sender: AsyncSender) -> None:
        self.audit = AsyncAuditGroup(sender)
        self.calls = AsyncCallsGroup(sender)
        self.health = AsyncHealthGroup(sender)
        self.numbers = AsyncNumbersGroup(sender)
        self.resellers = AsyncResellersGroup(sender)
        self.tenants = AsyncTenantsGroup(sender)
