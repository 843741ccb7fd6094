"""RTP as PCM: what is lost is a gap, what was never sent is silence."""

from __future__ import annotations

from aiortc.rtp import RtpPacket

from offhook.ports.transport import KeyIn, MediaIn
from offhook.transports._rtc import PCMU, Ears

WORD, QUIET = b"\x10" * 160, b"\xff"
Told = list[MediaIn | KeyIn]


def packet(number: int, stamp: int, payload: bytes = WORD, kind: int = 0) -> RtpPacket:
    made = RtpPacket(payload_type=kind, sequence_number=number, timestamp=stamp, ssrc=7)
    made.payload = payload
    return made


def ears(told: Told) -> Ears:
    return Ears(PCMU, frozenset({101}), told.append)


def where(told: Told) -> list[tuple[int, int, bool]]:
    """Start, length and whether it is silence."""
    return [(one.start, len(one.data), one.data == QUIET * len(one.data)) for one in told if isinstance(one, MediaIn)]


def test_a_lost_packet_is_a_gap() -> None:
    told: Told = []
    made = ears(told)
    for number in (0, 1, 3, 4, 5, 6):
        made.push(packet(number, number * 160))
    assert where(told) == [(at * 160, 160, False) for at in (0, 1, 3, 4, 5, 6)]
    assert (made.lost, made.received) == (1, 6)


def test_a_jump_of_the_time_without_a_lost_packet_is_silence() -> None:
    told: Told = []
    made = ears(told)
    made.push(packet(65_535, 0))
    made.push(packet(0, 4 * 160))
    assert where(told) == [(0, 160, False), (160, 480, True), (640, 160, False)]
    assert made.lost == 0


def test_a_pause_is_silence_and_what_comes_after_it_follows_at_once() -> None:
    told: Told = []
    made = ears(told)
    made.push(packet(0, 0))
    made.push(packet(2, 320))
    made.pause(800)
    made.push(packet(3, 480))
    assert where(told) == [(0, 160, False), (320, 160, False), (480, 800, True), (1_280, 160, False)]
    assert made.lost == 1, "what was missing before the pause does not come any more"
    made.push(packet(1, 160))
    assert made.late == 1


def test_a_key_in_the_sound_is_told_once() -> None:
    told: Told = []
    made = ears(told)
    for number in range(3):
        made.push(packet(number, 160, bytes((11, 0x80, 0, 160)), 101))
    made.push(packet(3, 160, bytes((16, 0, 0, 0)), 101))
    assert told == [KeyIn("#")]
