"""Text and samples, also while the audio still comes."""

from __future__ import annotations

from offhook.core.speech.heard import Ledger


def test_word_times_are_exact_to_the_word() -> None:
    ledger = Ledger()
    ledger.add("We can come tomorrow.", 8_000, words=[("We", 1_000), ("can", 2_000), ("come", 4_000), ("tomorrow.", 8_000)])
    assert ledger.heard(0) == ""
    assert ledger.heard(599) == ""
    assert ledger.heard(600) == "We"
    assert ledger.heard(3_199) == "We can"
    assert ledger.heard(3_200) == "We can come"
    assert ledger.heard(8_000) == "We can come tomorrow."


def test_without_times_a_clause_is_shared_out_by_length() -> None:
    ledger = Ledger()
    ledger.add("a bbbbbbbbbbbbbbbbbbb", 2_200)
    assert ledger.heard(121) == "a"
    assert ledger.heard(1_300) == "a"
    assert ledger.heard(1_500) == "a bbbbbbbbbbbbbbbbbbb"


def test_a_clause_that_still_streams_is_heard_in_part() -> None:
    ledger = Ledger(8_000)
    ledger.begin("We are open from eight to six on weekdays.", item="hours")
    ledger.grow(8_000)
    early = ledger.heard(8_000)
    assert early.startswith("We are open")
    assert "weekdays" not in early
    assert ledger.items(8_000) == [("hours", early, False)]


def test_the_last_word_of_a_streaming_clause_is_not_heard_before_the_clause_is_finished() -> None:
    ledger = Ledger(8_000)
    ledger.begin("Yes we do.")
    ledger.grow(80_000)
    assert ledger.heard(80_000) == "Yes we"
    assert not ledger.whole(80_000)
    ledger.finish()
    assert ledger.heard(80_000) == "Yes we do."
    assert ledger.whole(80_000)


def test_word_times_of_a_streaming_clause_count_as_they_come() -> None:
    ledger = Ledger()
    ledger.begin("Is that right?")
    ledger.grow(2_000, [("Is", 1_000), ("that", 2_000)])
    assert ledger.heard(2_000) == "Is that"
    assert ledger.heard(900) == "Is"
    ledger.grow(2_000, [("right?", 4_000)])
    assert ledger.whole(4_000)


def test_the_length_of_a_streaming_clause_is_guessed_from_the_voice_so_far() -> None:
    slow, quick = Ledger(8_000), Ledger(8_000)
    slow.add("aaaa bbbb cccc", 40_000)
    quick.add("aaaa bbbb cccc", 4_000)
    for ledger in (slow, quick):
        ledger.begin("dddd eeee ffff gggg")
        ledger.grow(4_000)
    assert len(slow.heard(44_000).split()) < len(quick.heard(8_000).split())


def test_an_item_is_whole_only_with_all_its_clauses() -> None:
    ledger = Ledger()
    for item in ("a", "a", "b"):
        ledger.expect(item)
    ledger.add("Hello there.", 1_000, item="a")
    assert ledger.items(1_000) == [("a", "Hello there.", False), ("b", "", False)]
    ledger.add("Who is it?", 1_000, item="a")
    assert ledger.items(2_000) == [("a", "Hello there. Who is it?", True), ("b", "", False)]


def test_a_clause_that_makes_no_sound_is_not_waited_for_once_all_audio_is_there() -> None:
    ledger = Ledger()
    ledger.expect("a")
    ledger.expect("a")
    ledger.add("Hello.", 1_000, item="a")
    assert not ledger.whole(1_000)
    ledger.close()
    assert ledger.whole(1_000)


def test_times_for_other_words_than_the_text_has_are_not_used() -> None:
    ledger = Ledger()
    ledger.add("At 2:30 then.", 3_000, words=[("at", 500), ("two", 1_000), ("thirty", 2_000), ("then", 3_000)])
    assert ledger.heard(3_000) == "At 2:30 then."
    assert ledger.heard(500) == "At"


def test_a_clause_that_a_voice_broke_in_ends_with_the_words_that_came() -> None:
    ledger = Ledger()
    ledger.expect("a")
    ledger.begin("A visit is sixty pounds.", item="a")
    ledger.grow(1_000, [("A", 100), ("visit", 500), ("is", 900), ("sixty", 1_500), ("pounds.", 2_000)])
    ledger.cut(3)
    ledger.expect("a")
    assert ledger.items(1_000) == [("a", "A visit is", False)]
    ledger.add("sixty pounds.", 1_000, item="a")
    assert ledger.heard(2_000) == "A visit is sixty pounds."
    assert ledger.items(2_000) == [("a", "A visit is sixty pounds.", True)]


def test_a_pause_between_clauses_is_time_without_words() -> None:
    ledger = Ledger()
    ledger.add("Hello.", 1_000)
    ledger.pad(500)
    ledger.add("Bye.", 1_000)
    assert ledger.samples == 2_500
    assert ledger.heard(1_500) == "Hello."
    assert ledger.heard(2_500) == "Hello. Bye."
    Ledger().pad(100)


def test_what_will_not_come_after_all_is_not_waited_for() -> None:
    ledger = Ledger()
    ledger.expect("a")
    ledger.expect("a")
    ledger.add("Hello.", 1_000, item="a")
    assert not ledger.whole(1_000)
    ledger.expect("a", -1)
    assert ledger.whole(1_000)


def test_what_comes_after_a_sample_is_known_in_milliseconds() -> None:
    ledger = Ledger(8_000)
    ledger.add("We can come tomorrow.", 16_000)
    ledger.pad(800)
    assert [ledger.after(one) for one in (0, 8_000, 16_800, 20_000)] == [2_100, 1_100, 0, 0]
