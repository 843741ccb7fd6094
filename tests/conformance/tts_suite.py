"""What every voice must do beyond the shipped suite, and what every voice of a vendor must bear."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from itertools import pairwise

import anyio
import numpy as np
import pytest
from tests.conformance import local_speech

from offhook.core.audio.format import ALAW_8K, MULAW_8K, PCM16_16K, PCM16_24K, AudioFormat
from offhook.errors import BadOutput, OffhookError, OverQuota, ProviderError, Rejected, Timeout, Unauthorized, Unavailable
from offhook.inference import InferencePool
from offhook.ports.tts import Speech, Tts, TtsSession
from offhook.providers.tts._session import VoiceSession
from offhook.registry import ProviderContext, load
from offhook.testing.conformance import sound
from offhook.testing.conformance.tts import CLAUSES, TtsConformance, joined, spoken, stream
from offhook.testing.vendors import _voice
from offhook.testing.vendors.server import Door, Fault, FaultKind, Scenario, Vendors

LONG = (
    "We have openings on Tuesday the fourth at nine, on Wednesday the fifth at half past two, and on Friday the seventh at "
    "eleven in the morning, so please tell me which of these would suit you the best of all."
)


class TtsSuite(TtsConformance):
    """The suite of this repository."""

    async def test_clauses_without_anything_to_say_keep_their_place(self, tts: Tts) -> None:
        session = await self.session(tts)
        speeches = await spoken(session, ("", CLAUSES[0], "  ", "?!", CLAUSES[2], "\n"))
        assert [speech.clause for speech in speeches if speech.last] == [0, 1, 2, 3, 4, 5]
        assert [speech.clause for speech in speeches] == sorted(speech.clause for speech in speeches)
        assert [bool(joined(speeches, number)) for number in range(6)] == [False, True, False, False, True, False]
        await session.aclose()

    async def test_a_clause_of_200_characters(self, tts: Tts) -> None:
        assert len(LONG) >= 200
        session = await self.session(tts)
        speeches = await spoken(session, (LONG, CLAUSES[0]))
        offered = tts.spec.formats[0]
        assert offered.samples_in(len(joined(speeches, 0))) > 5 * offered.rate
        if tts.spec.word_times:
            words = [word for speech in speeches if speech.clause == 0 for word in speech.words]
            assert [word.text for word in words] == LONG.split()
            assert all(a.end < b.end for a, b in pairwise(words))
        await session.aclose()

    async def test_closing_is_prompt_even_in_the_middle_of_a_reply(self, tts: Tts) -> None:
        before = sound.other_tasks()
        session = await self.session(tts)
        async with aclosing(session.speak(stream(CLAUSES))) as speaking:  # type: ignore[type-var]
            await anext(speaking)
            with anyio.fail_after(1.5):
                await session.aclose()
                await session.aclose()
        assert sound.other_tasks() == before

    async def test_a_reply_that_nobody_listens_to_any_more_is_not_heard_in_the_next(self, tts: Tts) -> None:
        session = await self.session(tts)
        alone = joined(await spoken(session, CLAUSES[2:]))
        left = session.speak(stream(CLAUSES))
        await anext(left)
        assert joined(await spoken(session, CLAUSES[2:])) == alone
        await left.aclose()  # type: ignore[attr-defined]
        assert joined(await spoken(session, CLAUSES[2:])) == alone
        await session.aclose()


def context(env: dict[str, str]) -> ProviderContext:
    """A provider's context with nothing but settings."""
    return ProviderContext(InferencePool(1), local_speech.STORE, env)


def pitch(data: bytes, format: AudioFormat) -> float:
    """Hz of the loudest tone."""
    wave = np.frombuffer(sound.decoded(data, format), "<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 8 * len(wave)))
    return float(np.argmax(spectrum)) * format.rate / (8 * len(wave))


class VendorSuite(TtsSuite):
    """The suite of a vendor's voice, on its double. ``vendor`` is the double's name, ``name`` the provider's."""

    vendor = ""
    name = ""
    voice = "voice-1"
    cancels: tuple[str, object] = ("", None)
    """Field and value of the message that cancels a reply."""
    exact = 6
    """Replies of three clauses in a minute whose clauses the vendor lets us tell apart exactly."""

    @pytest.fixture
    async def vendors(self) -> AsyncIterator[Vendors]:
        async with Vendors() as vendors:
            for _ in range(3):  # its listener's tasks start; they count among those that were there before
                await anyio.lowlevel.checkpoint()
            yield vendors

    @pytest.fixture
    async def tts(self, vendors: Vendors) -> AsyncIterator[Tts]:
        tts = self.made(vendors)
        yield tts
        await tts.aclose()

    def made(self, vendors: Vendors, patience: float | None = None, env: Mapping[str, str] | None = None) -> Tts:
        found = load("tts", self.name, context({**vendors.env(), **(env or {})}))
        if patience is not None:
            found._patience = patience  # type: ignore[attr-defined]
        return found  # type: ignore[return-value]

    @property
    def secrets(self) -> tuple[str, ...]:  # type: ignore[override]
        return (str(Vendors()._vendors[self.vendor].KEY), "wrong-key-of-the-test")

    def says(self, speeches: Sequence[Speech], clauses: Sequence[str], format: AudioFormat, ms_per_char: float = 60) -> None:
        """Each clause is heard as the tone that stands for it, as long as it must be, and ends once."""
        assert [speech.clause for speech in speeches if speech.last] == list(range(len(clauses)))
        for number, clause in enumerate(clauses):
            data = joined(speeches, number)
            assert abs(pitch(data, format) - _voice.frequency(clause)) < 4, clause
            assert format.samples_in(len(data)) == round(len(clause) * ms_per_char / 1000 * format.rate), clause

    async def test_every_format_sounds_as_it_must(self, tts: Tts) -> None:
        for offered in tts.spec.formats:
            session = await self.session(tts, offered)
            self.says(await spoken(session, CLAUSES), CLAUSES, offered)
            await session.aclose()

    async def test_its_telephone_audio_needs_no_conversion(self, tts: Tts) -> None:
        assert tts.spec.formats[0] == MULAW_8K

    async def test_all_replies_of_a_call_go_over_one_connection(self, tts: Tts, vendors: Vendors) -> None:
        session = await self.session(tts)
        assert len(vendors.sent(self.vendor, "open")) == 1
        for _ in range(self.exact):
            self.says(await spoken(session, CLAUSES), CLAUSES, MULAW_8K)
        assert len(vendors.sent(self.vendor, "open")) == 1
        await session.aclose()
        assert isinstance(session, VoiceSession)
        assert session.characters == self.exact * sum(map(len, CLAUSES))

    @pytest.mark.parametrize("piece_ms", [40, 100, 900])
    async def test_a_sentence_in_pieces_is_told_apart_as_exactly(self, vendors: Vendors, piece_ms: int) -> None:
        vendors.scenario(self.vendor, Scenario(options={"piece_ms": piece_ms}))
        tts = self.made(vendors)
        if not tts.spec.pieces:
            pytest.skip("it takes whole clauses")
        session = await self.session(tts)
        pieces = ("Thanks for calling, ", "we look ", "after your heating ", "tonight.", "Goodbye then.")
        for _ in range(3):
            speeches = await spoken(session, pieces)
            assert [speech.clause for speech in speeches] == sorted(speech.clause for speech in speeches)
            assert [speech.clause for speech in speeches if speech.last] == [0, 1, 2, 3, 4]
            for number, piece in enumerate(pieces):
                assert abs(len(joined(speeches, number)) - 480 * len(piece.strip())) <= 16, piece
                assert abs(pitch(joined(speeches, number), MULAW_8K) - _voice.frequency(piece.strip())) < 8, piece
                words = [word for speech in speeches if speech.clause == number for word in speech.words]
                assert [word.text for word in words] == piece.split()
                assert abs(words[-1].end - 480 * len(piece.strip())) <= 16
        assert len(vendors.sent(self.vendor, "open")) == 1
        await session.aclose()

    async def test_words_end_where_they_are_said(self, tts: Tts) -> None:
        if not tts.spec.word_times:
            pytest.skip("it gives no word times")
        session = await self.session(tts)
        speeches = await spoken(session, CLAUSES)
        for number, clause in enumerate(CLAUSES):
            words = [word for speech in speeches if speech.clause == number for word in speech.words]
            at = 0
            for said, word in zip(clause.split(), words, strict=True):
                at = clause.index(said, at) + len(said)
                assert said == word.text
                letters = at - len(said) + len(said.rstrip(",.?!"))  # some count the sign to the word
                assert letters * 480 - 16 <= word.end <= at * 480 + 16, word
        await session.aclose()

    @pytest.mark.parametrize("options", [{"late": 5}, {"late": 5, "realtime": 0.05}, {"stray": True, "realtime": 0.02}])
    async def test_nothing_of_a_cancelled_reply_is_heard_in_the_next(self, vendors: Vendors, options: dict[str, object]) -> None:
        vendors.scenario(self.vendor, Scenario(options={"piece_ms": 40, **options}))
        tts = self.made(vendors)
        session = await self.session(tts)
        for number in range(2):
            async with anyio.create_task_group() as tasks:
                begun = anyio.Event()
                tasks.start_soon(self._listen, session, [f"This is reply number {number}.", LONG], begun)
                await begun.wait()
                tasks.cancel_scope.cancel()
            self.says(await spoken(session, CLAUSES), CLAUSES, MULAW_8K)
        field, value = self.cancels
        told = [sent.json for sent in vendors.sent(self.vendor, "text")]
        assert len([message for message in told if message.get(field) == value]) >= 2
        assert len(vendors.sent(self.vendor, "open")) == 1
        await session.aclose()

    async def _listen(self, session: TtsSession, clauses: Sequence[str], begun: anyio.Event) -> None:
        async for _ in session.speak(stream(clauses)):
            begun.set()

    async def test_cancelling_waits_for_no_vendor(self, vendors: Vendors) -> None:
        vendors.scenario(self.vendor, Scenario(options={"first_byte": 3_600.0}))
        session = await self.session(self.made(vendors))
        with anyio.move_on_after(0.05):
            await spoken(session, CLAUSES)
        with anyio.fail_after(150):
            await session.aclose()

    @pytest.mark.parametrize("spoil", ["riff_wrong", "mp3", "empty", "silent", "long", "loud", "encoding", "shift", "rate"])
    @pytest.mark.parametrize("offered", [MULAW_8K, ALAW_8K, PCM16_16K, PCM16_24K])
    async def test_what_is_no_speech_in_the_format_is_refused(self, vendors: Vendors, spoil: str, offered: AudioFormat) -> None:
        if spoil == "shift" and offered.sample_bytes == 1:
            pytest.skip("there is nothing to shift")
        vendors.scenario(self.vendor, Scenario(options={"spoil": spoil, "ms_per_char": 70}, faulty=1))
        session = await self.session(self.made(vendors), offered)
        with pytest.raises(BadOutput) as refused:
            await spoken(session, (CLAUSES[0] + " " + CLAUSES[1], LONG))
        self.clean(refused.value)
        self.says(await spoken(session, CLAUSES), CLAUSES, offered, 70)
        await session.aclose()

    @pytest.mark.parametrize("spoil", ["riff", "odd"])
    @pytest.mark.parametrize("offered", [MULAW_8K, PCM16_16K])
    async def test_a_header_is_cut_off_and_half_a_sample_shifts_nothing(self, vendors: Vendors, spoil: str, offered: AudioFormat) -> None:
        vendors.scenario(self.vendor, Scenario(options={"spoil": spoil}))
        session = await self.session(self.made(vendors), offered)
        self.says(await spoken(session, CLAUSES), CLAUSES, offered)
        await session.aclose()

    @pytest.mark.parametrize("kind", ["close", "reset", "end", "half", "not_utf8", "not_json", "unknown", "unknown_field", "huge"])
    @pytest.mark.parametrize("at", [0, 1, 3, 7])
    async def test_a_broken_connection_is_said_and_the_next_reply_has_another(self, vendors: Vendors, kind: FaultKind, at: int) -> None:
        vendors.scenario(self.vendor, Scenario(faults=(Fault(kind, at=at),), faulty=1))
        session = await self.session(self.made(vendors))
        error = await self.trouble(session)
        if kind in {"unknown", "unknown_field", "huge"}:
            assert error is None
        else:
            assert isinstance(error, BadOutput if kind in {"not_json", "not_utf8"} else Unavailable)
            assert error.retry
            self.clean(error)
        self.says(await spoken(session, CLAUSES), CLAUSES, MULAW_8K)
        await session.aclose()

    async def trouble(self, session: TtsSession) -> ProviderError | None:
        """The error that a reply ends in; without one every clause has ended."""
        try:
            speeches = await spoken(session, CLAUSES)
        except ProviderError as error:
            return error
        assert [speech.clause for speech in speeches if speech.last] == [0, 1, 2]
        return None

    @pytest.mark.parametrize("kind", ["twice", "swap", "skip"])
    @pytest.mark.parametrize("at", [1, 2, 4])
    async def test_messages_lost_or_doubled_end_in_speech_or_an_error(self, vendors: Vendors, kind: FaultKind, at: int) -> None:
        vendors.scenario(self.vendor, Scenario(faults=(Fault(kind, at=at),), faulty=1))
        session = await self.session(self.made(vendors, patience=0.3))
        assert isinstance(await self.trouble(session), Timeout | BadOutput | None)
        self.says(await spoken(session, CLAUSES), CLAUSES, MULAW_8K)
        await session.aclose()

    @pytest.mark.parametrize("code", [None, 1000, 1001, 1008, 1011, 1012])
    async def test_a_close_while_nobody_speaks_is_found_before_the_next_reply(self, vendors: Vendors, code: int | None) -> None:
        session = await self.session(self.made(vendors))
        self.says(await spoken(session, CLAUSES[:1]), CLAUSES[:1], MULAW_8K)
        assert isinstance(session, VoiceSession)
        line = session._line
        assert line is not None
        vendors.scenario(self.vendor, Scenario())
        await line._socket._connection.close(code or 1000)
        await asyncio.wait([line.task])
        self.says(await spoken(session, CLAUSES), CLAUSES, MULAW_8K)
        await session.aclose()

    async def test_a_vendor_that_says_nothing_is_not_waited_for(self, vendors: Vendors) -> None:
        vendors.scenario(self.vendor, Scenario(door=Door("silent", times=1)))
        session = await self.session(self.made(vendors, patience=0.1))
        with pytest.raises(Timeout):
            await spoken(session, CLAUSES)
        self.says(await spoken(session, CLAUSES), CLAUSES, MULAW_8K)
        await session.aclose()

    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (400, Rejected),
            (401, Unauthorized),
            (402, OverQuota),
            (403, Unauthorized),
            (404, Rejected),
            (429, OverQuota),
            (500, Unavailable),
        ],
    )
    async def test_a_closed_door_is_an_error_of_its_kind(self, vendors: Vendors, status: int, kind: type[OffhookError]) -> None:
        vendors.scenario(self.vendor, Scenario(door=Door("status", status=status, headers={"retry-after": "7"})))
        with pytest.raises(kind) as refused:
            await self.session(self.made(vendors))
        assert refused.value.retry.after == (7.0 if status in {429, 500} else None)
        self.clean(refused.value)

    async def test_a_wrong_key_is_said_and_not_shown(self, vendors: Vendors) -> None:
        tts = self.made(vendors, env={f"{self.vendor.upper()}_API_KEY": "wrong-key-of-the-test"})
        assert "wrong-key-of-the-test" not in repr(vars(tts))
        with pytest.raises(Unauthorized) as refused:
            await self.session(tts)
        self.clean(refused.value)

    async def test_ten_calls_at_once_do_not_mix(self, tts: Tts, vendors: Vendors) -> None:
        vendors.scenario(self.vendor, Scenario(options={"realtime": 0.01, "piece_ms": 20}))

        async def one(number: int) -> None:
            session = await self.session(tts)
            clauses = [f"This is call number {number}, and its clause {clause}." for clause in range(3)]
            self.says(await spoken(session, clauses), clauses, MULAW_8K)
            await session.aclose()

        async with anyio.create_task_group() as tasks:
            for number in range(10):
                tasks.start_soon(one, number)

    async def test_closed_connections_are_gone_at_the_vendor(self, tts: Tts, vendors: Vendors) -> None:
        for _ in range(3):
            session = await self.session(tts)
            await spoken(session, CLAUSES[:1])
            await session.aclose()
        with anyio.fail_after(150):
            while vendors.open(self.vendor):
                await anyio.lowlevel.checkpoint()
