"""What is done with a call here, once the result is written: people are told. In one transaction, and so exactly once."""

from __future__ import annotations

from offhook.errors import NotFound
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.calls import reading
from offhook.orchestrator.paperwork import facts
from offhook.orchestrator.paperwork.repo import OWN, RunRepo
from offhook.orchestrator.paperwork.telling import NOBODY, ByMail, Notifier, tell
from offhook.orchestrator.services import Services


async def tell_people(given: Services, tenant: str, call: str, notifier: Notifier | None = None) -> bool:
    """Tell whom the agent's configuration names; False where that is done."""
    async with given.database.tenant(tenant) as scope:
        repo, now = RunRepo(scope), given.clock()
        run = await repo.lock(call, OWN)
        if run is None or run.state != "waiting":
            return False
        told = await facts.told(scope, given, call)
        agent = await reading.agent_of(scope, await calls.get(scope, call))
        if told is None or agent is None:
            raise NotFound("a call without a result, or without an agent")
        count = await tell(scope, notifier or ByMail(given.mail), told, agent.config.notify)
        state, reason = ("done", "") if count else ("skipped", NOBODY)
        await repo.put_step(call, OWN, "notify", state=state, reason=reason, attempts=1, begun_at=now, done_at=now)
        await repo.put(call, OWN, state="done", next_at=None, done_at=now)
        return True
