"""The portal: pages for people, on the same operations that the API has."""

from __future__ import annotations

from fastapi import FastAPI

from offhook.orchestrator.portal import assets, faults, pages
from offhook.orchestrator.portal.pages import parts, player
from offhook.orchestrator.portal.render import Portal
from offhook.orchestrator.settings import OrchestratorSettings


def install(app: FastAPI, settings: OrchestratorSettings) -> None:
    """Add the pages to the app, and let its errors have pages."""
    app.state.portal = Portal()
    app.include_router(assets.router)
    for module in pages.EVERY:
        app.include_router(module.router)
    if settings.portal_parts:
        app.include_router(parts.router)
        app.include_router(player.development)
    faults.install(app)
