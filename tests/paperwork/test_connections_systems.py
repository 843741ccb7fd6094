"""Every system that there is an adapter for is connected by its own form, against its simulator, and opened again from what was kept."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.business_suite import BusinessSuite
from tests.e2e.business import open_house
from tests.paperwork.figures import figure

from offhook.adapters.http import FixedSigner
from offhook.adapters.modules import found
from offhook.adapters.port import KeyAuth
from offhook.orchestrator.connections import forms, ops
from offhook.orchestrator.connections.opening import opened
from offhook.orchestrator.connections.tokens import Granted

pytestmark = pytest.mark.paperwork
SUITES = Path(__file__).resolve().parents[1] / "conformance"


def suites() -> dict[str, BusinessSuite]:
    """The conformance suite of each adapter, which knows how to make its simulator and what it takes for a key."""
    made: dict[str, BusinessSuite] = {}
    for file in sorted([*SUITES.glob("test_crm_*.py"), *SUITES.glob("test_calendar_*.py")]):
        module = importlib.import_module(f"tests.conformance.{file.stem}")
        for one in vars(module).values():
            if isinstance(one, type) and issubclass(one, BusinessSuite) and one is not BusinessSuite and one.ADAPTER in found():
                made.setdefault(one.ADAPTER, one())
    return made


def secret_of(signed: dict[str, str], adapter: str) -> str:
    """The key or token that the simulator takes."""
    auth = next((one for one in found()[adapter].manifest.auth if isinstance(one, KeyAuth)), None)
    header = {name.lower(): value for name, value in signed.items()}
    if auth is not None and auth.header.lower() in header:
        return header[auth.header.lower()].removeprefix(auth.scheme).strip()
    return header.get("authorization", "").removeprefix("Bearer ")


async def test_every_system_is_connected_and_opened(database_url: str, tmp_path: Path) -> None:
    known = suites()
    assert set(found()) <= set(known) | {"crm/tradebook"}
    simulators = {name: suite.simulator(suite.TIMEZONE) for name, suite in known.items()}
    transports = {name: one.transport() for name, one in simulators.items()}
    async with open_house(database_url, tmp_path, transports=transports) as house:
        given, connected = house.services, 0
        for one in simulators.values():
            one.clock = given.clock
        for name, suite in known.items():
            module, secret = found()[name], secret_of(dict(suite.SIGNED), name)
            for way in [forms.way_of(one) for one in module.manifest.auth]:
                asked = {one.name for one in forms.asked(module.manifest, way)}
                fields = {field: value for field, value in suite.SETTINGS.items() if field in asked}
                granted: dict[str, Any] = {}
                if way == "oauth":
                    values = forms.checked(module.manifest, way, fields)
                    signer = FixedSigner({"authorization": f"Bearer {secret}"})
                    account = await ops.whose(given, "harbour", module, way, values, signer)
                    proven = ops.Proven(module, way, values, account)
                    granted = {"granted": Granted(secret, None, None, "")}
                else:
                    proven = await ops.prove(given, "harbour", name, fields | ({"key": secret} if way == "key" else {}))
                async with given.database.tenant("harbour") as scope:
                    made, _ = await ops.keep_proven(scope, given, proven, **granted)
                assert made.account, name
                async with opened(given, "harbour", made.id) as system:
                    assert (await system.adapter.verify()).name == made.account
                tested = await ops.test(given, "harbour", made.id)
                assert tested.ok, (name, way, tested)
                async with given.database.tenant("harbour") as scope:
                    await ops.disconnect(scope, given, made)
                connected += 1
    figure(f"connections: {len(known)} systems connected in {connected} ways against their simulators, opened and switched off")
