from __future__ import annotations

from pathlib import Path

import pytest
from my_crm.simulator import MyCrm
from tests.conformance.business_suite import SIGNED, BusinessSuite

pytestmark = pytest.mark.paperwork


class TestMyCrm(BusinessSuite):
    ADAPTER = "crm/my_crm"
    MODULE = "my_crm.adapter"
    RECORDINGS = Path(__file__).parent / "recordings"
    ACCOUNT = "Mill Plumbing"

    def simulator(self, timezone: str) -> MyCrm:
        sim = MyCrm()
        sim.key = SIGNED["Authorization"].removeprefix("Bearer ")
        return sim
