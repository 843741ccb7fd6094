"""Agents: their list, and the pages of one."""

from __future__ import annotations

from typing import Final

from offhook.orchestrator.portal.pages.agents import knowing, noting, opening, publish, script, speaking, transfers, turns, versions
from offhook.orchestrator.portal.pages.agents import list as listed

pages: Final = (listed, script, publish, speaking, turns, opening, transfers, knowing, noting, versions)
"""Modules with a router, for the app."""
