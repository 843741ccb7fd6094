"""The portal: pages for people, on the same operations that the API has."""

from __future__ import annotations

from fastapi import FastAPI

from offhook.orchestrator.portal import assets, faults
from offhook.orchestrator.portal.pages import calls, entrance, home, letters, look, parts
from offhook.orchestrator.portal.render import Portal
from offhook.orchestrator.settings import OrchestratorSettings


def install(app: FastAPI, settings: OrchestratorSettings) -> None:
    """Add the pages to the app, and let its errors have pages."""
    app.state.portal = Portal()
    for module in (assets, look, home, entrance, calls, letters):
        app.include_router(module.router)
    if settings.portal_parts:
        app.include_router(parts.router)
    faults.install(app)
