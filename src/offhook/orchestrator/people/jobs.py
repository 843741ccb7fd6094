"""Jobs of people: sending mail, and forgetting what has ended."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

from procrastinate import App as JobQueue
from procrastinate import RetryStrategy

from offhook.errors import AdapterRejected
from offhook.orchestrator.people.mail import SEND, post
from offhook.orchestrator.people.ops import account
from offhook.orchestrator.people.ops.sessions import IDLE
from offhook.orchestrator.people.repo import Directory
from offhook.orchestrator.services import Services

log = logging.getLogger(__name__)
RETRY: Final = RetryStrategy(max_attempts=9, exponential_wait=3)
"""For about three hours: a link for a new password is good for one."""
SWEEP: Final = "sweep_people"
UNATTACHED: Final = timedelta(days=1)
"""An account this old without any membership is erased."""


async def send_mail(services: Services, id: str) -> bool:
    """Send a mail that is waiting; False if it was sent before. Killed in between, it is sent twice rather than never."""
    async with services.database.platform() as scope:
        row = await Directory(scope).mail(id)
    if row is None:
        return False
    letter: tuple[str, str] | None = (row.subject, row.secret_text)
    if row.kind == "reset":
        letter = await account.reset_letter(services, row.recipient)
    try:
        if letter is not None:
            await post(services.mail).deliver(id, row.recipient, *letter)
    except AdapterRejected as error:
        log.warning("a mail could not be sent: %s", error.public, extra={"mail": id})
    async with services.database.platform() as scope:
        await Directory(scope).drop_mail(id)
    return True


async def sweep(services: Services) -> None:
    """Forget what has ended."""
    async with services.database.platform() as scope:
        await Directory(scope).sweep(services.clock(), IDLE, UNATTACHED)


def register(queue: JobQueue, services: Services) -> None:
    """Make the jobs known to the queue."""

    @queue.task(name=SEND, retry=RETRY)
    async def send(mail: str) -> None:
        await send_mail(services, mail)

    @queue.periodic(cron="41 * * * *")
    @queue.task(name=SWEEP, queueing_lock=SWEEP)
    async def tidy(timestamp: int) -> None:  # noqa: ARG001 - the queue passes it
        await sweep(services)
