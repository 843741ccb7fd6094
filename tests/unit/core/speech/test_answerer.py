"""Who has answered: each piece of evidence, alone and against the others."""

from __future__ import annotations

from offhook.core.speech.answerer import Answerer
from offhook.core.time import ms


def _who(one: Answerer) -> str:
    return one.who


def _spoke(one: Answerer, *stretches: tuple[int, int]) -> Answerer:
    for begin, end in stretches:
        one.speech(True, ms(begin))
        one.speech(False, ms(end))
    return one


def test_words_tell_a_machine_and_the_beep_when_to_speak() -> None:
    one = Answerer(leaves=True)
    one.speech(True, ms(400))
    one.words("hi you've reached the voicemail of", ms(2_000))
    assert (one.who, one.why, one.due(ms(2_020))) == ("machine", "words", "wait")
    one.speech(False, ms(5_000))
    assert one.due(ms(6_000)) == "wait"
    one.beep(ms(6_100))
    assert one.due(ms(6_120)) == "speak"


def test_without_a_beep_the_greetings_silence_tells_when_to_speak() -> None:
    one = _spoke(Answerer(leaves=True), (400, 5_000))
    one.words("please leave a message after the tone", ms(5_000))
    assert one.due(ms(7_990)) == "wait"
    assert one.due(ms(8_010)) == "speak"


def test_nothing_to_leave_is_hung_up_on_at_once() -> None:
    one = _spoke(Answerer(leaves=False), (400, 2_000))
    one.words("you have reached the mailbox", ms(2_000))
    assert one.due(ms(2_020)) == "hang_up"


def test_a_greeting_without_an_end_is_hung_up_on() -> None:
    one = Answerer(leaves=True)
    one.speech(True, ms(400))
    one.words("you have reached the mailbox", ms(2_000))
    assert one.due(ms(61_900)) == "wait"
    assert one.due(ms(62_100)) == "hang_up"


def test_a_beep_counts_after_a_greeting_only() -> None:
    early, greeted = Answerer(leaves=True), _spoke(Answerer(leaves=True), (400, 2_400))
    early.beep(ms(300))
    assert _who(early) == "unknown"
    greeted.beep(ms(3_000))
    assert (greeted.who, greeted.why, greeted.due(ms(3_020))) == ("machine", "beep", "speak")


def test_nobody_says_so_much_before_they_know_who_rings() -> None:
    one = _spoke(Answerer(leaves=True), (400, 4_000))
    one.speech(True, ms(4_300))  # a breath
    one.due(ms(8_450))
    assert _who(one) == "unknown"  # a noise, as far as it is known
    one.words("hi this is sam and pat and we are away until monday so just say", ms(8_300))
    assert one.due(ms(8_390)) == "wait"
    assert _who(one) == "unknown"
    one.due(ms(8_420))
    assert (one.who, one.why) == ("machine", "length")
    person = _spoke(Answerer(leaves=True), (400, 1_000))
    person.speech(True, ms(5_000))  # they tell a long story, later
    person.due(ms(20_000))
    assert _who(person) == "unknown"


def test_the_carrier_is_believed_unless_a_person_is_heard() -> None:
    silent, greets, person, talked = (Answerer(leaves=False) for _ in range(4))
    silent.told(machine=True, at=ms(4_000))
    greets.speech(True, ms(300))
    greets.told(machine=True, at=ms(4_000))
    _spoke(person, (400, 1_000)).told(machine=True, at=ms(4_000))
    _spoke(talked, (400, 3_000)).answered()
    talked.told(machine=True, at=ms(9_000))
    assert [one.who for one in (silent, greets, person, talked)] == ["machine", "machine", "unknown", "unknown"]
    silent.told(machine=False, at=ms(5_000))  # told twice, the second time otherwise: it is the first that hung up
    assert _who(silent) == "machine"


def test_a_person_stays_one() -> None:
    one = _spoke(Answerer(leaves=True), (400, 1_000))
    one.answered()
    one.answered()
    one.words("please leave a message after the tone", ms(20_000))
    one.beep(ms(21_000))
    one.told(machine=True, at=ms(22_000))
    assert (one.who, one.due(ms(23_000))) == ("person", "wait")


def test_what_sounds_like_a_greeting_much_later_is_none() -> None:
    one = _spoke(Answerer(leaves=True), (400, 1_000))
    one.words("please leave a message", ms(46_000))
    one.beep(ms(47_000))
    assert _who(one) == "unknown"


def test_somebody_picks_up_after_all() -> None:
    one = _spoke(Answerer(leaves=True), (400, 4_000))
    one.words("please leave a message", ms(4_000))
    one.speech(True, ms(4_600))
    one.words("hello", ms(5_000))  # too soon after the greeting: its own last word
    assert _who(one) == "machine"
    one.speech(False, ms(5_000))
    one.speech(True, ms(6_400))
    one.words("hello", ms(6_900))
    assert _who(one) == "unknown"
    beeped = _spoke(Answerer(leaves=True), (400, 4_000))
    beeped.beep(ms(4_500))
    beeped.speech(True, ms(6_400))
    beeped.words("hello", ms(6_900))
    assert _who(beeped) == "machine"
