"""What a redeemed token says."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Redeemed(BaseModel):
    """The carrier's own word on who rang whom."""

    model_config = ConfigDict(frozen=True)

    did: str
    caller: str
