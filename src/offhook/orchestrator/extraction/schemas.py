"""What is told of an extraction."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from offhook.contracts.analysis import CallResult


class Extracted(BaseModel):
    """The result of a call. ``complete`` unless some of its events had not come."""

    model_config = ConfigDict(frozen=True)

    call: str
    result: CallResult
    complete: bool
