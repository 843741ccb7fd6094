"""The fourth rung of the ladder with real processes: the engine is killed with SIGKILL in a call over Twilio's websocket."""

from __future__ import annotations

import uuid
from pathlib import Path

import anyio
import httpx
import pytest
from tests.e2e.test_survival import processes, server
from tests.telephony.figures import figure

from offhook.cli.demo import DID, ring
from offhook.orchestrator.embedded import EmbeddedPostgres
from offhook.testing.caller import Caller, Speech
from offhook.testing.carrier import TwilioLine

__all__ = ["server"]
pytestmark = [pytest.mark.telephony, pytest.mark.anyio, pytest.mark.timeout(300)]
CALLER = "+447700900123"


async def test_rung_4_engine_killed_in_mid_call_is_the_carriers_next_verb(tmp_path: Path, server: EmbeddedPostgres) -> None:
    call = f"CA{uuid.uuid4().hex}"
    async with processes(tmp_path, server) as platform, Speech() as speech:
        url, parameters = await ring(platform.orchestrator, call)
        carrier = f"http://127.0.0.1:{platform.orchestrator}/carriers/twilio"
        async with TwilioLine.open(url, parameters=parameters, call=call) as line, httpx.AsyncClient(timeout=60) as http:
            await Caller(line, speech).agent_says()
            killed = anyio.current_time()
            await platform.kill("engine")
            with anyio.fail_after(150):
                await line.closed.wait()
            noticed = anyio.current_time() - killed
            form = {"CallSid": call, "From": CALLER, "To": DID, "CallStatus": "in-progress"}
            after = await http.post(f"{carrier}/after", data=form)
            heard = anyio.current_time() - killed
            assert "<Pause" not in after.text
            if "<Dial" in after.text:
                assert "/carriers/twilio/dialled" in after.text
                after = await http.post(f"{carrier}/dialled", data=form | {"DialCallStatus": "no-answer"})
            assert "leave a message after the tone" in after.text
            assert "<Record" in after.text
            left = await http.post(
                f"{carrier}/message", data=form | {"RecordingUrl": "https://api.twilio.com/x/RE1", "RecordingDuration": "7"}
            )
            assert "<Hangup" in left.text
        messages = await platform.rows(
            b"select m.kind, m.note from message m join call c on c.id = m.call_id where c.carrier_call = %s", call
        )
        contacts = await platform.rows(b"select phone from contact where phone = %s", CALLER)
    kinds = [row["kind"] for row in messages]
    assert kinds.count("callback") >= 1
    assert any("message of 7 s" in row["note"] for row in messages)
    assert len(contacts) == 1
    figure(f"ladder: engine killed in mid-call: the carrier knows after {noticed:.2f} s and has its next verb after {heard:.2f} s")
