"""Operations of the orchestrator's interface. Made by ``scripts/client.py``; do not edit."""

from __future__ import annotations

import builtins

from offhook.client.aio import AsyncSender
from offhook.client.base import Request, Sender, part
from offhook.client.models import Appointment, Call, CallDetail


class HealthGroup:
    """Operations on health."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def healthz(self) -> builtins.dict[str, str]:
        """Whether the app and its database work."""
        request = Request("GET", "/healthz")
        return self._sender.value(request, builtins.dict[str, str])


class ReadingGroup:
    """Operations on reading."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_appointments(self, *, tenant: str | None = None, limit: int | None = None) -> builtins.list[Appointment]:
        """A tenant's diary, latest first."""
        request = Request("GET", "/v1/appointments", query={"tenant": tenant, "limit": limit})
        return self._sender.value(request, builtins.list[Appointment])

    def list_calls(self, *, tenant: str | None = None, limit: int | None = None) -> builtins.list[Call]:
        """A tenant's calls, latest first."""
        request = Request("GET", "/v1/calls", query={"tenant": tenant, "limit": limit})
        return self._sender.value(request, builtins.list[Call])

    def show_call(self, id: str, *, tenant: str | None = None) -> CallDetail:
        """A call with its turns, tools, result and what was booked."""
        request = Request("GET", f"/v1/calls/{part(id)}", query={"tenant": tenant})
        return self._sender.value(request, CallDetail)


class Operations:
    """All operations, by what they are about."""

    def __init__(self, sender: Sender) -> None:
        self.health = HealthGroup(sender)
        self.reading = ReadingGroup(sender)


class AsyncHealthGroup:
    """Operations on health."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def healthz(self) -> builtins.dict[str, str]:
        """Whether the app and its database work."""
        request = Request("GET", "/healthz")
        return await self._sender.value(request, builtins.dict[str, str])


class AsyncReadingGroup:
    """Operations on reading."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def list_appointments(self, *, tenant: str | None = None, limit: int | None = None) -> builtins.list[Appointment]:
        """A tenant's diary, latest first."""
        request = Request("GET", "/v1/appointments", query={"tenant": tenant, "limit": limit})
        return await self._sender.value(request, builtins.list[Appointment])

    async def list_calls(self, *, tenant: str | None = None, limit: int | None = None) -> builtins.list[Call]:
        """A tenant's calls, latest first."""
        request = Request("GET", "/v1/calls", query={"tenant": tenant, "limit": limit})
        return await self._sender.value(request, builtins.list[Call])

    async def show_call(self, id: str, *, tenant: str | None = None) -> CallDetail:
        """A call with its turns, tools, result and what was booked."""
        request = Request("GET", f"/v1/calls/{part(id)}", query={"tenant": tenant})
        return await self._sender.value(request, CallDetail)


class AsyncOperations:
    """All operations, by what they are about."""

    def __init__(self, sender: AsyncSender) -> None:
        self.health = AsyncHealthGroup(sender)
        self.reading = AsyncReadingGroup(sender)
