"""The orchestrator's ASGI app."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio import to_thread
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import text
from starlette.routing import BaseRoute

from offhook.adapters.modules import found as adapters
from offhook.errors import ConfigError
from offhook.orchestrator import description, errors, portal
from offhook.orchestrator.access import Given
from offhook.orchestrator.agents import routes as agents
from offhook.orchestrator.audit import routes as audit
from offhook.orchestrator.bookings import routes as bookings
from offhook.orchestrator.calls import routes as calls
from offhook.orchestrator.carriers import taking
from offhook.orchestrator.connections import client_routes, pages
from offhook.orchestrator.connections import routes as connections
from offhook.orchestrator.crm import routes as crm
from offhook.orchestrator.hooks import routes as hooks
from offhook.orchestrator.jobs import build
from offhook.orchestrator.keys import routes as keys
from offhook.orchestrator.kit.headers import ApiHeaders
from offhook.orchestrator.live import routes as live
from offhook.orchestrator.live.hub import Hub
from offhook.orchestrator.numbers import routes as numbers
from offhook.orchestrator.outgoing import routes as outgoing
from offhook.orchestrator.outgoing import webhooks as outgoing_webhooks
from offhook.orchestrator.paperwork import routes as paperwork
from offhook.orchestrator.people import routes as people
from offhook.orchestrator.recordings import routes as recordings
from offhook.orchestrator.resellers import routes as resellers
from offhook.orchestrator.services import Clock, wall_clock
from offhook.orchestrator.settings import OrchestratorSettings
from offhook.orchestrator.sync import routes as sync
from offhook.orchestrator.systems import Systems
from offhook.orchestrator.tenants import routes as tenants
from offhook.orchestrator.tolls import routes as tolls
from offhook.orchestrator.tools import routes as tools
from offhook.orchestrator.transfers import routes as transfers
from offhook.orchestrator.trunks import routes as trunks
from offhook.orchestrator.vault import routes as vault
from offhook.orchestrator.vendors import routes as vendors
from offhook.orchestrator.vendors.catalogue import catalogue
from offhook.orchestrator.widgets import routes as widgets

DOMAINS = (
    people, resellers, tenants, vault, keys, agents, vendors, numbers, outgoing, tolls, trunks, widgets, live, recordings, bookings, crm,
    connections, client_routes, pages, paperwork, hooks, sync, audit,
)  # fmt: skip
"""Modules with ``routers``."""


def create_app(
    settings: OrchestratorSettings, *, url: str | None = None, clock: Clock = wall_clock, systems: Systems | None = None
) -> FastAPI:
    """The app on a migrated database: ``url``, else the settings' own. ``serve`` brings both and the embedded server."""
    database = url or settings.sqlalchemy_url()
    if database is None:
        raise ConfigError("no database: set OFFHOOK_DATABASE_URL, or start by `offhook up` or `offhook orchestrator`")
    services = build(settings, database, clock, systems)
    routes = operations()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with services.queue.open_async():
            await services.database.check()
            # Found now: it takes a third of a second, and an engine waits 0.8 s for a call's plan.
            await catalogue()
            await to_thread.run_sync(adapters)
            try:
                async with anyio.create_task_group() as group:
                    group.start_soon(app.state.live.run, name="news of live calls")
                    try:
                        yield
                    finally:
                        group.cancel_scope.cancel()
            finally:
                await services.database.close()

    app = _empty(lifespan=lifespan)
    app.state.services = services
    app.state.live = Hub(database)
    errors.install(app)
    app.add_middleware(ApiHeaders, services=services)
    app.router.routes.extend(routes)
    portal.install(app, settings)
    description.install(app)

    @app.get("/healthz", tags=["health"])
    async def healthz(given: Given) -> dict[str, str]:
        """Whether the app and its database work."""
        async with given.database.platform() as scope:
            await scope.session.execute(text("select 1"))
        return {"status": "ok"}

    return app


def _empty(**options: Any) -> FastAPI:  # noqa: ANN401 - FastAPI's own
    return FastAPI(
        title="offhook orchestrator",
        version="1",
        separate_input_output_schemas=False,
        generate_unique_id_function=lambda route: route.name,
        docs_url=None,  # the pages that FastAPI brings fetch their parts from elsewhere
        redoc_url=None,
        **options,
    )


@functools.cache
def operations() -> tuple[BaseRoute, ...]:
    """The routes of all domains, which hold nothing of the app that serves them.

    Built in full: FastAPI would build a router at the first request that comes by it, on the loop, 0.2 s in all.
    """
    holder = _empty(openapi_url=None)
    engines = (calls.engine, calls.reading, tools.router, *transfers.routers, *taking.routers, outgoing_webhooks.router)
    for router in (*engines, *(one for domain in DOMAINS for one in domain.routers)):
        holder.include_router(router)
    for _ in iter_route_contexts(holder.routes):
        pass
    return tuple(holder.routes)
