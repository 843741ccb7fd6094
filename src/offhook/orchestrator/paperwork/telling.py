"""Telling people that a call is over. A text message would be another Notifier: there is none yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from offhook.orchestrator.agents.config import Notify
from offhook.orchestrator.paperwork.plan import Told, note, title
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Mail

URGENT: Final = frozenset({"urgent", "emergency", "high", "now", "yes"})
"""As Today reads it."""
NOBODY: Final = "Nobody is to be told of such a call."


class Notifier(Protocol):
    """Tells one person, in the transaction of the scope: told once, or not at all."""

    async def tell(self, scope: TenantScope, to: str, subject: str, text: str) -> None:
        """Have them told, once the transaction is committed."""
        ...


@dataclass(frozen=True, slots=True)
class ByMail:
    """A mail, sent by a job of its own."""

    mail: Mail

    async def tell(self, scope: TenantScope, to: str, subject: str, text: str) -> None:
        """See Notifier."""
        await self.mail.send(scope, to, subject, text)


def wanted(told: Told, notify: Notify) -> bool:
    """Whether anybody wants to know of this call."""
    match notify.when:
        case "every_call":
            return bool(notify.emails)
        case "urgent":
            return bool(notify.emails) and (told.result.urgency or "").casefold() in URGENT
        case _:
            return bool(notify.emails) and bool(told.visits or told.lead or told.messages)


async def tell(scope: TenantScope, notifier: Notifier, told: Told, notify: Notify) -> int:
    """Tell all who want to know; how many."""
    if not wanted(told, notify):
        return 0
    who = told.result.contact.name or (told.phones[0] if told.phones else "a withheld number")
    subject = " ".join(f"Call from {who}: {title(told.result)}".split())
    text = f"{note(told)}\n\n{told.page}\n"
    for to in notify.emails:
        await notifier.tell(scope, to, subject, text)
    return len(notify.emails)
