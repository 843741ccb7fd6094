"""Identifiers that cross the wall. Opaque strings; nobody parses them."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

_ID = r"^[A-Za-z0-9_.:\-]{1,128}$"

CallId = Annotated[str, StringConstraints(pattern=_ID)]
"""One call, chosen by the engine when the media arrives."""
Ref = Annotated[str, StringConstraints(max_length=256)]
"""What the orchestrator calls this call's owner; the engine stores and returns it and never looks inside."""
