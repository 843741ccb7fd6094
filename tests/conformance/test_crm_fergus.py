from __future__ import annotations

from typing import ClassVar

import pytest
from tests.conformance.business_suite import SIGNED, BusinessSuite

from offhook.testing.business.fergus import Fergus

pytestmark = pytest.mark.paperwork


class TestFergus(BusinessSuite):
    ADAPTER = "crm/fergus"
    RESOURCES = ("1000001", "1000002")
    ACCOUNT = "Brown & Ruru Plumbing"
    NOBODY = "999999999"
    FIELDS: ClassVar = {"description": "Pressure: 0.4 bar"}
    TELLS = frozenset({"customer", "job", "appointment"})
    DELETES = frozenset({"appointment"})

    def simulator(self, timezone: str) -> Fergus:
        sim = Fergus()
        sim.tokens = {SIGNED["Authorization"].removeprefix("Bearer ")}
        return sim
