"""Jobs of workers that died are given to others, also while they end or are given away by another process."""

from __future__ import annotations

import pytest
from procrastinate.exceptions import ConnectorException
from tests.e2e.business import House

from offhook.orchestrator.calls import intake
from offhook.orchestrator.jobs import rescue


async def _stalled(house: House, count: int) -> None:
    """So many jobs in the hands of nobody."""
    for _ in range(count):
        await house.services.queue.configure_task(intake.FINISH).defer_async(tenant="harbour", call="call_none")
    await house.look("update procrastinate_jobs set status = 'doing' where task_name = :name", name=intake.FINISH)


async def test_a_stalled_job_is_given_to_others_once(house: House) -> None:
    await _stalled(house, 2)
    assert await rescue(house.services) == 2
    assert await rescue(house.services) == 0
    assert [row.status for row in await house.look("select status from procrastinate_jobs")] == ["todo", "todo"]


async def test_a_job_that_is_over_between_the_look_and_the_retry_is_left(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await _stalled(house, 3)
    manager = house.services.queue.job_manager
    seen = list(await manager.get_stalled_jobs(seconds_since_heartbeat=1))

    async def look(**_: object) -> object:
        return seen

    monkeypatch.setattr(manager, "get_stalled_jobs", look)
    await house.look("delete from procrastinate_jobs where id = :id", id=seen[1].id)
    assert await rescue(house.services) == 2
    assert await rescue(house.services) == 0  # another process was first


async def test_a_database_that_is_away_is_an_error_of_the_look(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await _stalled(house, 1)
    await house.look("alter function procrastinate_retry_job_v2 rename to gone")
    try:
        with pytest.raises(ConnectorException):
            await rescue(house.services)
    finally:
        await house.look("alter function gone rename to procrastinate_retry_job_v2")
