from __future__ import annotations

from typing import ClassVar

import pytest
from tests.conformance.business_suite import BusinessSuite

from offhook.testing.business.webhook import Webhook

pytestmark = pytest.mark.paperwork


class TestWebhook(BusinessSuite):
    ADAPTER = "crm/webhook"
    SIGNED: ClassVar = {}
    SETTINGS: ClassVar = {"url": Webhook.URL, "lookup_url": Webhook.LOOKUP, "secret": Webhook.SECRET}
    RESOURCES = ("Mia", "Tane")
    ACCOUNT = "crm.example.com"

    def simulator(self, timezone: str) -> Webhook:
        return Webhook()
