"""Routes of people."""

from __future__ import annotations

from fastapi import APIRouter

from offhook.orchestrator.people.routes import entrance, letters, me, members, providers

routers: tuple[APIRouter, ...] = (
    entrance.router,
    me.router,
    members.router,
    providers.router,
    providers.entrance,
    letters.router,
)
