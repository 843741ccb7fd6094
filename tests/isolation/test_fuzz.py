"""schemathesis on the running orchestrator: requests for every operation, valid and not. No answer is a 5xx, each is as described."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import pytest
from anyio import to_thread
from tests.e2e.business import House
from tests.isolation.things import furnish

from offhook.orchestrator.serve import Running, serve
from offhook.testing.business.base import Simulator
from offhook.testing.business.serve import served
from offhook.testing.carriers.plivo import PlivoCarrier
from offhook.testing.carriers.telnyx import TelnyxCarrier
from offhook.testing.carriers.twilio import TwilioCarrier

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,ignored_auth"
CASES = os.environ.get("OFFHOOK_FUZZ_CASES", "25")
"""Generated cases an operation, beside those that the description's edges give."""


async def test_no_request_breaks_the_api(house: House, tmp_path: Path, counts: Counter[str]) -> None:
    things = {**await furnish(house), "tenant": "harbour", "reseller": "direct"}
    # Paths name things that are there, so that the fuzz gets behind the 404.
    settings = "[parameters]\n" + "".join(f'"path.{name}" = "{value}"\n' for name, value in things.items())
    (tmp_path / "schemathesis.toml").write_text(settings, encoding="utf-8")
    up = anyio.Event()
    found: list[Running] = []

    def ready(running: Running) -> None:
        found.append(running)
        up.set()

    async with AsyncExitStack() as stack:
        origins = {name: await stack.enter_async_context(served(one)) for name, one in carriers().items()}
        changes = {"port": 0, "requests_per_minute": 1_000_000, "vendor_origins": origins}
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: serve(house.settings.model_copy(update=changes), jobs=False, ready=ready))
            await up.wait()
            done = await to_thread.run_sync(_fuzz, found[0].url, tmp_path)
            group.cancel_scope.cancel()
    operations = re.search(r"Tested: (\d+)", done.stdout)
    cases = re.search(r"(\d+) generated", done.stdout)
    assert operations, done.stdout[-3_000:]
    assert cases, done.stdout[-3_000:]
    counts["operations fuzzed"] += int(operations.group(1))
    counts["fuzz requests"] += int(cases.group(1))
    assert done.returncode == 0, done.stdout[-12_000:]


def carriers() -> dict[str, Simulator]:
    """Carriers that know the account that there is, and no other."""
    twilio = TwilioCarrier()
    twilio.add_number(twilio.add_account(f"AC{'0' * 32}", "0" * 32), "+442079460001")
    return {
        "carrier/twilio": twilio,
        "carrier/signalwire": TwilioCarrier(),
        "carrier/telnyx": TelnyxCarrier("nobody", "no key"),
        "carrier/plivo": PlivoCarrier("nobody", "no token"),
    }


def _fuzz(url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "schemathesis"
    command = [
        str(program), "--config-file", str(folder / "schemathesis.toml"), "run", f"{url}/openapi.json",
        "-H", "Authorization: Bearer operator", "--checks", CHECKS, "--max-examples", CASES, "--seed", "1",
        "--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--generation-database", "none", "--warnings", "off",
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, timeout=800)
