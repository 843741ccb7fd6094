"""An adapter over a simulator, without the suite."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypeVar

import anyio
from tests.conformance.business_suite import NOW

from offhook.adapters.http import FixedSigner, Http, Pacer
from offhook.adapters.port import Link, Unsupported
from offhook.testing.business.base import Simulator

A = TypeVar("A", bound=Unsupported)


def now() -> datetime:
    """The test's time of day."""
    return NOW + timedelta(seconds=anyio.current_time())


def over(sim: Simulator, adapter: type[A], base_url: str = "", settings: Mapping[str, str] | None = None) -> A:
    """The adapter, in virtual time; the simulator takes ``Bearer key``."""
    sim.clock = now
    http = Http(adapter.NAME, base_url, sim.client(), FixedSigner({"Authorization": "Bearer key"}), Pacer(()), now=now)
    return adapter(http, Link(settings or {}, timezone="Europe/London", region="GB"))
