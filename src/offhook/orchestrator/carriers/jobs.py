"""Jobs of carriers."""

from __future__ import annotations

from procrastinate import App as JobQueue
from procrastinate import JobContext, RetryStrategy

from offhook.orchestrator.carriers import messages
from offhook.orchestrator.recordings.messages import FETCH
from offhook.orchestrator.services import Services

ATTEMPTS = 5


def register(queue: JobQueue, services: Services) -> None:
    """Make the jobs known to the queue."""

    @queue.task(name=FETCH, retry=RetryStrategy(max_attempts=ATTEMPTS, exponential_wait=2), pass_context=True)
    async def fetch_voice_message(context: JobContext, tenant: str, call: str) -> None:
        if context.job is not None and context.job.attempts >= ATTEMPTS:
            await messages.give_up(services, tenant, call)
            return
        await messages.fetch(services, tenant, call)
