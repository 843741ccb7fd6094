import anyio
import pytest

from offhook.engine.admission import Admission
from offhook.errors import Refused
from offhook.testing.clock import VIRTUAL_TIME


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME


def test_a_full_engine_refuses_before_answer() -> None:
    admission = Admission(1)
    with admission.slot(), pytest.raises(Refused, match="full"), admission.slot():
        pass
    assert admission.active == 0
    assert admission.decisions == {"taken": 1, "full": 1}


@pytest.mark.anyio
async def test_a_deploy_drops_no_call() -> None:
    admission = Admission(5)
    order: list[str] = []

    async def call() -> None:
        with admission.slot():
            await anyio.sleep(30)
            order.append("call ended")

    async with anyio.create_task_group() as group:
        group.start_soon(call)
        await anyio.sleep(1)
        assert await admission.drain(60)
        order.append("drained")
        with pytest.raises(Refused, match="draining"), admission.slot():
            pass
    assert order == ["call ended", "drained"]
    assert anyio.current_time() == 30


@pytest.mark.anyio
async def test_a_drain_has_an_end() -> None:
    admission = Admission(5)
    with admission.slot():
        assert not await admission.drain(10)
    assert anyio.current_time() == 10
