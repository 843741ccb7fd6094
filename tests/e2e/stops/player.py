"""The player of a call, by itself: with a recording, a long one, without one, and without a waveform."""

from __future__ import annotations

from tests.e2e.business import House
from tests.e2e.long_call import DANA, Talk, hand_over, long_call, recorded
from tests.e2e.stops import Stop

PLAYER = "/_player/harbour"
DRAWN = ".player.drawn"
STOPS = {
    "player": Stop(f"{PLAYER}/call_dana?at=66.08", wait=DRAWN),
    "player-long": Stop(f"{PLAYER}/call_long?at=340", wait=DRAWN),
    "player-none": Stop(f"{PLAYER}/call_mute", wait=DRAWN),
    "player-soon": Stop(f"{PLAYER}/call_soon", wait=DRAWN),
}


async def furnish(house: House) -> None:
    """Calls of last month, so that this week's are what they are."""
    await recorded(house, "call_dana", DANA, 99.0, minutes_ago=40_000, slots={"name": "Dana Whitlock", "problem": "hot water unit leaking"})
    await recorded(house, "call_mute", DANA[:5], 30.0, minutes_ago=40_100, heard=False)
    await recorded(house, "call_soon", DANA[:9], 50.0, minutes_ago=40_200, heard=False)
    await hand_over(house, "call_soon", b"what is no sound at all")
    await recorded(
        house, "call_pause", (Talk(0.2, 2.8, "One moment, please."), Talk(23.0, 3.0, "There you are.")), 27.0, minutes_ago=40_300
    )
    await long_call(house, 12, 120)
