"""Routes of agents."""

from __future__ import annotations

from fastapi import APIRouter

from offhook.orchestrator.agents.trials.routes import routers as trials

routers: tuple[APIRouter, ...] = (*trials,)
