"""What the call's page says of visits in calendars. Of CRMs: the pages' own tests."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from offhook.orchestrator.bookings.outside.schemas import Copy, CopyState
from offhook.orchestrator.portal.papers import Written, calendars
from offhook.orchestrator.portal.show import Local

NOW = datetime(2026, 11, 26, 11, tzinfo=UTC)
LOCAL = Local(ZoneInfo("Europe/London"), "GB", NOW)


def copy(state: CopyState, *, connection: str = "con_1", url: str = "https://calendar.example/1", error: str = "") -> Copy:
    return Copy(
        appointment_id="apt_1", connection_id=connection, state=state, external_id="1", url=url, revision=1, error=error, attempts=1,
        next_at=None, written_at=NOW, clash="", clash_at=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("one", "said", "records"),
    [
        (copy("written"), "Written, 11:00 am", (Written("Visit", "https://calendar.example/1"),)),
        (copy("written", url="javascript:1"), "Written, 11:00 am", (Written("Visit", ""),)),
        (copy("waiting"), "Being written", ()),
        (copy("waiting", error="The system is down."), "The system is down.", ()),
        (copy("failed", error="The time is taken."), "Given up: The time is taken.", ()),
        (copy("gone"), "Taken out again", ()),
    ],
)
def test_a_visit_in_a_calendar(one: Copy, said: str, records: tuple[Written, ...]) -> None:
    [found] = calendars([one], {"con_1": "Google Calendar"}, set(), LOCAL)
    assert (found.name, found.said, found.records, found.again) == ("Google Calendar", said, records, "")


def test_what_the_paperwork_tells_of_is_told_once_and_what_is_not_connected_not_at_all() -> None:
    copies = [copy("written"), copy("written", connection="con_2"), copy("written", connection="con_3")]
    found = calendars(copies, {"con_1": "ServiceM8", "con_2": "Google Calendar"}, {"con_1"}, LOCAL)
    assert [one.connection for one in found] == ["con_2"]
