"""What may be said, what may be played, and which word ends where."""

from __future__ import annotations

import numpy as np
import pytest

from offhook.core.audio.format import ALAW_8K, MULAW_8K, PCM16_8K, PCM16_16K, AudioFormat
from offhook.core.audio.g711 import pcm_to_alaw, pcm_to_mulaw
from offhook.errors import BadOutput
from offhook.ports.tts import Word
from offhook.providers.tts._reply import Reply
from offhook.providers.tts._sane import Gate, sayable, weight
from offhook.providers.tts._words import Timing
from offhook.testing.vendors import _voice


def tone(rate: int, seconds: float = 0.5, hertz: float = 600) -> bytes:
    return _voice.tone(hertz, round(seconds * rate), rate)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello.", "Hello."),
        (" two\nlines\t ", "two lines"),
        ("a\x00b\u200b", "ab"),
        ("...", ""),
        ("😀", ""),
        ("日本", "日本"),
        ("$5", "$5"),
        ("", ""),
    ],
)
def test_what_can_be_said(text: str, said: str) -> None:
    assert sayable(text) == said


def test_digits_signs_and_letters_take_longer_than_letters_in_words() -> None:
    assert weight("at nine") == len("at nine") + 1
    assert weight("0412") > 3 * weight("four")
    assert weight("ABC") > 2 * weight("abc")
    assert weight("日本") > weight("ab")


@pytest.mark.parametrize("format", [MULAW_8K, ALAW_8K, PCM16_8K, PCM16_16K])
def test_a_gate_lets_speech_through_as_it_is_in_pieces_of_any_size(format: AudioFormat) -> None:
    pcm = tone(format.rate)
    data = {MULAW_8K: pcm_to_mulaw, ALAW_8K: pcm_to_alaw}.get(format, bytes)(pcm)
    for size in (1, 3, 159, 161, 1_000, 100_000):
        gate = Gate("tts/x", format)
        out = [gate.feed(data[at : at + size]) for at in range(0, len(data), size)]
        assert all(len(piece) % format.sample_bytes == 0 for piece in out)
        assert b"".join(out) + gate.end() == data


def test_a_clause_shorter_than_a_block_is_not_lost() -> None:
    gate = Gate("tts/x", MULAW_8K)
    assert gate.feed(bytes(range(100))) == b""
    assert gate.end() == bytes(range(100))


@pytest.mark.parametrize(
    ("format", "data"),
    [
        (MULAW_8K, tone(8_000)),
        (ALAW_8K, tone(8_000)),
        (PCM16_8K, pcm_to_mulaw(tone(8_000))),
        (PCM16_16K, b"\x00" + tone(16_000)),
        (PCM16_16K, (np.frombuffer(tone(16_000), "<i2") / 32_768).astype("<f4").tobytes()),
        (MULAW_8K, _voice.container(pcm_to_mulaw(tone(8_000)), "mulaw", 16_000)),
        (PCM16_8K, _voice.container(tone(8_000), "pcm16", 16_000)),
        (MULAW_8K, b"ID3\x04" + bytes(500)),
        (MULAW_8K, b"OggS" + bytes(500)),
        (MULAW_8K, b'{"error": "something went wrong with this request, sorry"}' * 4),
        (PCM16_8K, _voice.tone(600, 4_000, 8_000, 300_000)),
    ],
)
def test_a_gate_refuses_what_is_no_speech_in_its_format_before_any_of_it_is_played(format: AudioFormat, data: bytes) -> None:
    gate = Gate("tts/x", format)
    heard: list[bytes] = []
    with pytest.raises(BadOutput):
        heard.extend(gate.feed(data[at : at + 50]) for at in range(0, len(data), 50))
    assert not b"".join(heard)


def test_a_header_that_says_the_format_is_cut_off() -> None:
    data = pcm_to_mulaw(tone(8_000))
    gate = Gate("tts/x", MULAW_8K)
    file = _voice.container(data, "mulaw", 8_000)
    for more in (b"", b"LIST\x04\x00\x00\x00abcd"):  # what a file has behind its sound is not played; the next clause may be one too
        assert gate.feed(file[:700]) + gate.feed(file[700:] + more) + gate.end() == data
    assert gate.feed(data) + gate.end() == data


@pytest.mark.parametrize("seconds", [0.0, 0.3, 30.0])
def test_a_length_that_the_text_cannot_have_is_refused(seconds: float) -> None:
    gate = Gate("tts/x", PCM16_8K)
    gate.feed(tone(8_000))
    with pytest.raises(BadOutput):
        gate.clause("Thanks for calling, how can I help you today?", round(seconds * 8_000), None)


def test_words_that_end_long_before_or_after_the_audio_are_refused() -> None:
    for spoken, right in ((3.0, True), (2.5, True), (1.4, False), (5.0, False)):
        gate = Gate("tts/x", PCM16_8K)
        gate.feed(tone(8_000))
        if right:
            gate.clause("Thanks for calling, how can I help you today?", 24_000, spoken)
        else:
            with pytest.raises(BadOutput):
                gate.clause("Thanks for calling, how can I help you today?", 24_000, spoken)


def ends(text: str, said: list[tuple[str, int]], samples: int) -> list[tuple[str, int]]:
    timing = Timing(text)
    for word, end in said:
        timing.hear(word, end)
    return [(word.text, word.end) for word in timing.rest(samples)]


@pytest.mark.parametrize(
    ("text", "said", "found"),
    [
        ("Hello there.", [("Hello", 10), ("there.", 20)], [("Hello", 10), ("there.", 20)]),
        ("Hello there.", [("hello there", 20)], [("Hello", 20), ("there.", 21)]),
        ("twenty-one cats", [("twenty", 10), ("-", 11), ("one", 20), ("cats", 30)], [("twenty-one", 20), ("cats", 30)]),
        ("It costs $90 today", [("It", 5), ("costs", 10), ("ninety", 20), ("dollars", 30), ("today", 40)],
         [("It", 5), ("costs", 10), ("$90", 30), ("today", 40)]),
        ("a — b", [("a", 10), ("b", 20)], [("a", 10), ("—", 11), ("b", 20)]),
        ("one two three", [("one", 10), ("three", 30)], [("one", 10), ("two", 11), ("three", 30)]),
        ("one two three", [("one", 10)], [("one", 10), ("two", 26), ("three", 50)]),
        ("Hi", [("H", 5), ("i", 9)], [("Hi", 9)]),
        ("one two", [], []),
    ],
)  # fmt: skip
def test_words_are_followed_whatever_the_vendor_makes_of_them(text: str, said: list[tuple[str, int]], found: list[tuple[str, int]]) -> None:
    assert ends(text, said, 50) == found


@pytest.mark.parametrize("said", [[("one", 900), ("two", 5), ("three", 7)], [("one", 0), ("two", 0), ("three", 0)], [("three", 4)]])
def test_words_rise_within_their_clause_whatever_the_vendor_says(said: list[tuple[str, int]]) -> None:
    found = [end for _, end in ends("one two three", said, 50)]
    assert all(0 < end <= 50 for end in found)
    assert found == sorted(set(found))


def test_words_told_early_and_late_rise_together() -> None:
    timing = Timing("one two three")
    timing.hear("one", 30)
    assert timing.ready(40) == (Word("one", 30),)
    timing.hear("two", 20)
    assert timing.ready(40) == (Word("two", 31),)
    assert timing.rest(40) == (Word("three", 40),)


def test_a_word_is_not_told_before_its_audio() -> None:
    reply = Reply("tts/x", PCM16_8K)
    reply.add("one two")
    reply.word("one", 0.25)
    reply.word("two", 0.5)
    pcm = tone(8_000)
    reply.sound(pcm[:5_000])
    first = reply.take()
    assert first is not None
    assert first.words == (Word("one", 2_000),)
    reply.sound(pcm[5_000:])
    reply.end()
    last = reply.take()
    assert last is not None
    assert (last.last, last.words) == (True, (Word("two", 4_000),))


def test_clauses_without_words_end_in_their_turn_and_what_comes_after_the_end_is_counted() -> None:
    reply = Reply("tts/x", MULAW_8K)
    assert [reply.add(text) for text in ("...", "Hi.", " ")] == ["", "Hi.", ""]
    reply.close()
    assert reply.owed == 2
    reply.sound(pcm_to_mulaw(tone(8_000)))
    reply.end()
    assert reply.over
    out = []
    while (speech := reply.take()) is not None:
        out.append((speech.clause, len(speech.data), speech.last))
    assert out == [(0, 0, True), (1, 4_000, True), (2, 0, True)]
    reply.sound(b"late")
    reply.end()
    assert sum(reply.counts.values()) == 2
