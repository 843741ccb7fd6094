"""How a call's providers do: what goes wrong is counted from the first connection on; metrics and spans are told once there is a call."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from offhook.engine.failover.health import Replaced
from offhook.engine.record import RecordingFailed
from offhook.engine.reporter import Reporter
from offhook.engine.telemetry.calls import CallTelemetry
from offhook.errors import BadOutput, FormatError, OffhookError, ProviderError
from offhook.ports.llm import TokenUsage


@dataclass(slots=True)
class Mishaps:
    """One call's."""

    counts: Counter[str]
    reporter: Reporter | None = None
    _told: ProviderError | None = None
    """The last failure that metrics were told."""

    @property
    def _telemetry(self) -> CallTelemetry | None:
        return self.reporter.telemetry if self.reporter is not None else None

    def failed(self, error: OffhookError, kind: str = "") -> None:
        """Something failed; whether anybody noticed is another matter. ``kind`` of provider, where its id does not begin with that."""
        telemetry = self._telemetry
        if not isinstance(error, ProviderError):
            self.counts[type(error).__name__] += 1
            if telemetry is not None and isinstance(error, RecordingFailed):
                telemetry.recording_failed()
            return
        self.counts[f"{error.provider} {type(error).__name__}"] += 1
        told, self._told = self._told, error
        if telemetry is None or (told is not None and (error is told or error.__cause__ is told)):
            return  # one that a voice could not hide from its reply comes by here twice
        telemetry.provider(kind or error.provider.partition("/")[0], error.provider, error)
        if isinstance(error.__cause__, FormatError) or (isinstance(error, BadOutput) and error.mismatch):
            telemetry.mismatch()

    def served(self, kind: str, name: str) -> None:
        """A session or request has ended well. ``name`` is the plan's."""
        if (telemetry := self._telemetry) is not None:
            telemetry.provider(kind, name)

    def replaced(self, change: Replaced) -> None:
        """One provider goes on in place of another."""
        self.counts[f"{change.kind} replaced"] += 1
        if self.reporter is not None:
            self.reporter.replaced(change)

    def wasted(self, usage: TokenUsage) -> None:
        """A model was asked beside the one that answered, and is paid for."""
        if self.reporter is not None:
            self.reporter.hedged(usage)
