"""Agents as they are stored."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from offhook.orchestrator.agents.config import AgentConfig
from offhook.orchestrator.agents.schemas import AgentView

DOCUMENT: Final = "document"
"""Kind of who publishes what a business.yaml says."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An agent's row."""

    id: str
    name: str
    draft: dict[str, Any]
    draft_text: str | None
    draft_sha: str
    revision: int
    live: int | None
    live_sha: str | None
    latest: int
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def changed(self) -> bool:
        """Whether the draft differs from what is live."""
        return self.draft_sha != self.live_sha

    @property
    def view(self) -> AgentView:
        """As lists show it."""
        return AgentView.model_validate(self)


@dataclass(frozen=True, slots=True)
class By:
    """Who publishes."""

    kind: str
    id: str
    name: str = ""


def dumped(config: AgentConfig) -> tuple[dict[str, Any], str]:
    """A configuration as it is stored, and its hash: order counts."""
    plain = config.model_dump(mode="json")
    return plain, hashlib.sha256(json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
