"""A connection as others see it."""

from __future__ import annotations

from typing import cast

from offhook.adapters.modules import Module
from offhook.orchestrator.connections.schemas import Connection, Kind
from offhook.orchestrator.connections.tables import ConnectionRow


def view(row: ConnectionRow, module: Module | None) -> Connection:
    """Without its secrets. ``module`` is None for an adapter that is not installed any more."""
    kind, _, name = row.adapter.partition("/")
    names = ("id", "adapter", "auth", "account", "state", "problem", "settings", "chosen", "mapping", "ok_at", "failed_at", "synced_at")
    kept = {name: getattr(row, name) for name in (*names, "revision", "created_at", "updated_at")}
    return Connection(**kept, kind=cast("Kind", kind), title=module.manifest.title if module else name)
