from __future__ import annotations

from typing import ClassVar

import pytest
from tests.conformance.business_suite import SIGNED, BusinessSuite

from offhook.testing.business.jobber import Jobber

pytestmark = pytest.mark.paperwork
PEOPLE = list(Jobber().rows["User"])


class TestJobber(BusinessSuite):
    ADAPTER = "crm/jobber"
    RESOURCES = (PEOPLE[0], PEOPLE[1])
    ACCOUNT = "Brown & Ruru Plumbing"
    FIELDS: ClassVar = {"instructions": "Pressure: 0.4 bar"}
    TELLS = frozenset({"customer", "job", "appointment"})
    DELETES = frozenset({"customer", "appointment"})

    def simulator(self, timezone: str) -> Jobber:
        sim = Jobber()
        sim.tokens = {SIGNED["Authorization"].removeprefix("Bearer ")}
        return sim
