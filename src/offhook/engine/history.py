"""The conversation as it was heard, for a model: the caller's words that were used up, the agent's words that had been played.

What the agent meant to say and the caller did not hear is not in it; that something is missing is marked.
"""

from __future__ import annotations

from offhook.core.script.compact import Heard

CUT = "[cut off here by the caller]"


class History:
    """One call's. Bounded by the call's length; a prompt folds the older part."""

    def __init__(self) -> None:
        self.entries: list[Heard] = []

    def caller(self, text: str) -> None:
        """The caller said this, and it was answered."""
        if text.strip():
            self.entries.append(Heard("caller", text))

    def agent(self, heard: str, *, cut: bool = False) -> None:
        """The agent was heard to say this."""
        if heard.strip():
            self.entries.append(Heard("agent", f"{heard} {CUT}" if cut else heard))
