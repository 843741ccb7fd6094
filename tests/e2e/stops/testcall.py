"""A call from the browser, before it begins and where there is no microphone. The call itself: test_portal_testcall_browser."""

from __future__ import annotations

from tests.e2e.stops import Stop

TALK = "/t/harbour/agents/front-desk/test"


def _refused(error: str) -> str:
    """What the page shows when the browser gives no microphone for this reason."""
    return f"""() => {{
  navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('', '{error}'); }};
  document.getElementById('go').click();
}}"""


_HEARD = "#phone[data-state=denied]"
STOPS = {
    "testcall": Stop(TALK),
    "testcall-live": Stop(f"{TALK}?of=live"),
    "testcall-real": Stop(f"{TALK}?of=real"),
    "testcall-blocked": Stop(TALK, _refused("NotAllowedError"), wait=_HEARD),
    "testcall-no-device": Stop(TALK, _refused("NotFoundError"), wait=_HEARD),
    "testcall-checked": Stop(TALK, "() => document.getElementById('go').click()", wait="#loud.good"),
}
