"""How the job queue is doing."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from offhook.orchestrator.services import Services


class TaskCounts(BaseModel):
    """Jobs of one kind: waiting, under way, and given up. Those that succeeded are not kept."""

    model_config = ConfigDict(frozen=True)

    name: str
    waiting: int
    doing: int
    failed: int


async def counts(given: Services) -> list[TaskCounts]:
    """By kind of job, those with failures first."""
    found = [
        TaskCounts(name=one["name"], waiting=one["todo"], doing=one["doing"], failed=one["failed"])
        for one in await given.queue.job_manager.list_tasks_async()
    ]
    return sorted(found, key=lambda one: (-one.failed, -one.waiting, one.name))
