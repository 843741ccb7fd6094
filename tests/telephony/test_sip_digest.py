"""Calls out over a trunk that asks for digest: SIPp checks it as a carrier that answers 401, Kamailio as one that answers 407."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import SecretStr
from tests.telephony.figures import figure
from tests.telephony.ports import free_port, taken
from tests.telephony.sipline import FOLDER, answering, needs_baresip, needs_sipp, phone, trunk
from tests.telephony.test_sip_calls import peers
from tests.telephony.test_sip_scenarios import placed

pytestmark = [pytest.mark.telephony, needs_sipp, needs_baresip, pytest.mark.timeout(120)]
needs_kamailio = pytest.mark.skipif(shutil.which("kamailio") is None, reason="kamailio is not installed (Debian: kamailio)")
RIGHT, WRONG = "se cret;1", "se cret;2"


def asking(port: int, password: str) -> Any:
    return trunk(host=f"127.0.0.1:{port}", user="tenant-1", password=SecretStr(password))


def invites(messages: str) -> Counter[bool]:
    """INVITEs that came to a peer, one that is repeated once: whether they had an answer to a challenge."""
    found: dict[str, bool] = {}
    for text in re.split(r"\n-{20,}[^\n]*\n", messages):
        number = re.search(r"^CSeq: *(\d+) INVITE", text, re.MULTILINE)
        if "message received" in text and re.search(r"^INVITE ", text, re.MULTILINE) and number:
            found[number[1]] = re.search(r"^(Proxy-)?Authorization: Digest ", text, re.MULTILINE) is not None
    return Counter(found.values())


async def test_a_trunk_that_answers_401_is_told_who_we_are_and_the_call_is_heard(tmp_path: Path) -> None:
    port = free_port()
    async with peers(1, tmp_path) as (media, fields), answering(tmp_path, "challenged.xml", port, "-inf", str(fields)) as finished:
        async with phone(tmp_path, asking(port, RIGHT)) as line:
            assert await placed(line) == ("ended", "", 0)
            done = await finished()
            await line.idle()
            assert line.count("in.challenge") >= 1
        heard = (await media.told())[0]
    assert (done.good, done.bad) == (1, 0), done.out[-2_000:]
    assert invites(done.messages) == {False: 1, True: 1}
    assert heard["received"] > 50
    assert heard["heard_before"] > 0, "the agent was not heard"


async def test_a_trunk_that_does_not_take_our_password_is_asked_twice_and_no_more(tmp_path: Path) -> None:
    port, fields = free_port(), tmp_path / "ports.csv"
    fields.write_text("SEQUENTIAL\n9;\n")
    async with (
        answering(tmp_path, "challenged.xml", port, "-inf", str(fields)) as finished,
        phone(tmp_path, asking(port, WRONG)) as line,
    ):
        assert await placed(line, timeout_s=90) == ("failed", "refused", 401)  # by its answer, and by no time that ran out
        done = await finished()
        await line.idle()
        assert (done.good, done.bad) == (1, 0), done.out[-2_000:]
        assert invites(done.messages) == {False: 1, True: 1}
        assert line.count("in.challenge") >= 2
        assert line.engine.admission.active == 0
        assert WRONG not in str(line.line.health())


@asynccontextmanager
async def carrier(folder: Path, callee: int) -> AsyncIterator[int]:
    """Kamailio, which asks whoever places a call; its port."""
    port = free_port()
    words = ["kamailio", "-DD", "-E", "-f", str(FOLDER / "challenging.cfg"), "-Y", str(folder), "-m", "32", "-M", "8"]
    words += ["-A", f"LISTEN=udp:127.0.0.1:{port}", "-A", f'CALLEE="sip:127.0.0.1:{callee}"']
    told = folder / "kamailio.log"
    with told.open("wb") as log:
        process = await anyio.open_process(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        assert await taken(process, port), told.read_text(errors="replace")[-2_000:]
        yield port
    finally:
        with anyio.CancelScope(shield=True), suppress(ProcessLookupError):
            process.terminate()
            with anyio.move_on_after(20):
                await process.wait()


@needs_kamailio
async def test_a_trunk_that_answers_407_is_told_who_we_are_too(tmp_path: Path) -> None:
    callee = free_port()
    async with (
        answering(tmp_path, "answers.xml", callee) as finished,
        carrier(tmp_path, callee) as port,
        phone(tmp_path, asking(port, RIGHT)) as line,
    ):
        assert await placed(line) == ("ended", "", 0)
        done = await finished()
        await line.idle()
        assert (done.good, done.bad) == (1, 0), done.out[-2_000:]
        assert invites(done.messages) == {False: 1}, "the carrier keeps what it was told"
        assert line.count("in.challenge") >= 1
    figure("SIP: calls out over a trunk that asks for digest: answered after 401 (SIPp) and 407 (Kamailio), refused with a wrong password")


@needs_kamailio
@pytest.mark.parametrize("password", [WRONG, ""])
async def test_a_wrong_password_is_refused_by_407(password: str, tmp_path: Path) -> None:
    async with carrier(tmp_path, free_port()) as port, phone(tmp_path, asking(port, password)) as line:
        assert await placed(line, timeout_s=90) == ("failed", "refused", 407)
        await line.idle()
        assert line.count("in.challenge") >= 2
        assert not line.engine.calls
