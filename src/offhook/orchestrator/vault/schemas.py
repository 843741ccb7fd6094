"""What is said about keys; never a key."""

from __future__ import annotations

from pydantic import BaseModel


class VaultView(BaseModel):
    """The installation's master keys, by the ids that they have in the settings."""

    current: str | None
    """The one that wraps; None without any."""
    known: list[str]
    """Those that the settings hold."""
    wrapped: dict[str, int]
    """How many data keys each one wraps. One that wraps none may be taken out of the settings."""
    missing: list[str]
    """Those that wrap data keys and are not in the settings: what these keys seal cannot be opened."""


class DataKeyView(BaseModel):
    """A data key that seals from now on; the older ones still open what they have sealed."""

    version: int
