"""The parts of an agent beside its script: turns, voice, hours, transfers, knowledge, results, versions."""

from __future__ import annotations

from tests.e2e.business import House
from tests.e2e.stops import Stop
from tests.e2e.tuning import EVENING, evening, worked_on

AGENT = "/t/harbour/agents/front-desk"
_WRONG = """() => {
  document.querySelector('[name="endpointing.sure_ms"]').value = '9000';
  document.getElementById('turns').submit();
}"""
_DRAG = """() => {
  const slider = document.querySelector('input[type=range]');
  slider.value = '500';
  slider.dispatchEvent(new Event('input', {bubbles: true}));
}"""
_REPLAY = """() => {
  document.querySelector('[name="endpointing.sure_ms"]').value = '100';
  document.querySelector('[formaction]').click();
}"""
STOPS = {
    "turns": Stop(f"{AGENT}/turns"),
    "turns-preset": Stop(f"{AGENT}/turns?preset=careful", _DRAG),
    "turns-all": Stop(f"{AGENT}/turns", "() => { document.querySelector('.others').open = true; }"),
    "turns-wrong": Stop(f"{AGENT}/turns", _WRONG, wait=".error"),
    "turns-replayed": Stop(f"/t/harbour/agents/{EVENING}/turns", _REPLAY, wait=".figures"),
    "versions": Stop(f"/t/harbour/agents/{EVENING}/versions"),
    "versions-again": Stop(f"/t/harbour/agents/{EVENING}/versions?again=1"),
    "hours": Stop(f"{AGENT}/hours"),
    "hours-holiday": Stop(f"/t/harbour/agents/{EVENING}/hours?holiday=0"),
    "voice": Stop(f"{AGENT}/voice"),
    "transfers": Stop(f"{AGENT}/transfers"),
    "knowledge": Stop(f"{AGENT}/knowledge"),
    "results": Stop(f"{AGENT}/results"),
    "results-new": Stop(f"{AGENT}/results?field=new"),
}


async def furnish(house: House) -> None:
    """An agent of its own, with calls of last month whose traces are kept."""
    await evening(house)
    await worked_on(house)
