"""What goes wrong with a call's providers: counted from the first connection on, told to metrics and spans once there is a call."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from offhook.engine.failover.health import Replaced
from offhook.engine.reporter import Reporter
from offhook.errors import OffhookError, ProviderError


@dataclass(slots=True)
class Mishaps:
    """One call's."""

    counts: Counter[str]
    reporter: Reporter | None = None

    def failed(self, error: OffhookError) -> None:
        """Something failed; whether anybody noticed is another matter."""
        if not isinstance(error, ProviderError):
            self.counts[type(error).__name__] += 1
            return
        self.counts[f"{error.provider} {type(error).__name__}"] += 1
        if self.reporter is not None and self.reporter.telemetry is not None:
            self.reporter.telemetry.provider(error.provider.partition("/")[0], error.provider, error)

    def replaced(self, change: Replaced) -> None:
        """One provider goes on in place of another."""
        self.counts[f"{change.kind} replaced"] += 1
        if self.reporter is not None and self.reporter.telemetry is not None:
            self.reporter.telemetry.failover(change.kind, change.failed, change.by, change.why, self.reporter.now())
