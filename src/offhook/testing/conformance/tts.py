# ruff: noqa: S101, D102 - this is a test suite to inherit, and test names are sentences
"""What every voice must do. Inherit ``TtsConformance``, give the fixture ``tts``, and run with pytest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import anyio
import pytest

from offhook.core.audio.format import ALAW_8K, OPUS_48K, AudioFormat
from offhook.errors import FormatError, OffhookError, ProviderError
from offhook.ports.tts import Speech, Tts, TtsSession
from offhook.testing.conformance import sound

CLAUSES = ("Thanks for calling,", "how can I help you today?", "We are open until five.")


async def stream(clauses: Sequence[str]) -> AsyncIterator[str]:
    """Clauses as they would come from a reply."""
    for clause in clauses:
        yield clause


async def spoken(session: TtsSession, clauses: Sequence[str]) -> list[Speech]:
    """All audio of a reply."""
    with anyio.fail_after(sound.DEADLINE_S):
        return [speech async for speech in session.speak(stream(clauses))]


def joined(speeches: Sequence[Speech], clause: int | None = None) -> bytes:
    """The bytes of one clause or all."""
    return b"".join(speech.data for speech in speeches if clause in {None, speech.clause})


class TtsConformance:
    """The suite."""

    secrets: tuple[str, ...] = ()
    """Keys that must not be seen in errors."""
    voice = ""

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    @pytest.fixture
    def tts(self) -> Tts:
        raise NotImplementedError

    async def session(self, tts: Tts, format: AudioFormat | None = None) -> TtsSession:
        return await tts.open(self.voice, "en-US", format or tts.spec.formats[0])

    def clean(self, error: OffhookError) -> None:
        assert not any(secret in f"{error}{error!r}{error.public}{error.detail}" for secret in self.secrets)

    async def test_its_spec_names_it(self, tts: Tts) -> None:
        assert tts.spec.kind == "tts"
        assert tts.spec.id.startswith("tts/")
        assert tts.spec.formats

    async def test_opens_and_closes_and_closes_again(self, tts: Tts) -> None:
        before = sound.other_tasks()
        session = await self.session(tts)
        await session.aclose()
        await session.aclose()
        assert sound.other_tasks() == before

    async def test_speaks_each_clause_in_order_and_ends_each_once(self, tts: Tts) -> None:
        session = await self.session(tts)
        speeches = await spoken(session, CLAUSES)
        assert [speech.clause for speech in speeches] == sorted(speech.clause for speech in speeches)
        assert [speech.clause for speech in speeches if speech.last] == [0, 1, 2]
        assert all(joined(speeches, clause) for clause in range(3))
        await session.aclose()

    async def test_every_declared_format_has_the_same_length_and_is_audible(self, tts: Tts) -> None:
        lengths = []
        for offered in tts.spec.formats:
            session = await self.session(tts, offered)
            data = joined(await spoken(session, CLAUSES[:1]))
            assert len(data) % offered.sample_bytes == 0
            lengths.append(offered.samples_in(len(data)) / offered.rate)
            assert 0.02 < sound.level(sound.decoded(data, offered)) < 0.5, str(offered)
            await session.aclose()
        assert min(lengths) > 0.4
        assert max(lengths) - min(lengths) < 0.1

    async def test_refuses_a_format_that_it_does_not_declare(self, tts: Tts) -> None:
        other = next(known for known in (OPUS_48K, ALAW_8K) if known not in tts.spec.formats)
        with pytest.raises(FormatError, match=str(other)) as refused:
            await tts.open(self.voice, "en-US", other)
        self.clean(refused.value)

    async def test_refuses_a_voice_that_it_does_not_have(self, tts: Tts) -> None:
        if not tts.spec.voices:
            pytest.skip("its voices are not known beforehand")
        with pytest.raises(ProviderError) as refused:
            await tts.open("nobody-has-this-voice", "en-US", tts.spec.formats[0])
        self.clean(refused.value)

    async def test_refuses_a_language_that_it_does_not_speak(self, tts: Tts) -> None:
        if "*" in tts.spec.locales:
            pytest.skip("it says that it speaks all languages")
        with pytest.raises(ProviderError):
            await tts.open(self.voice, "xx-XX", tts.spec.formats[0])

    async def test_no_clause_gives_no_audio(self, tts: Tts) -> None:
        session = await self.session(tts)
        assert await spoken(session, ()) == []
        await session.aclose()

    async def test_a_clause_without_words_is_ended_and_silent(self, tts: Tts) -> None:
        session = await self.session(tts)
        speeches = await spoken(session, ("...", CLAUSES[0]))
        assert [speech.clause for speech in speeches if speech.last] == [0, 1]
        assert len(joined(speeches, 0)) < len(joined(speeches, 1))
        await session.aclose()

    async def test_odd_text_is_spoken_or_refused_but_not_more(self, tts: Tts) -> None:
        session = await self.session(tts)
        for text in ("$1,200.50 — “quoted” & <b>bold</b>", "naïve café №5 😀 日本", "a" * 600, "\x00\x07", "-voice slt"):
            try:
                assert (await spoken(session, (text,)))[-1].last
            except ProviderError as error:
                self.clean(error)
        assert joined(await spoken(session, CLAUSES[:1]))
        await session.aclose()

    async def test_a_session_speaks_reply_after_reply(self, tts: Tts) -> None:
        session = await self.session(tts)
        first = await spoken(session, CLAUSES[:1])
        second = await spoken(session, CLAUSES[:1])
        assert first[0].clause == second[0].clause == 0
        assert joined(second)
        await session.aclose()

    async def test_first_audio_does_not_wait_for_the_last_clause(self, tts: Tts) -> None:
        session = await self.session(tts)
        more = anyio.Event()

        async def slowly() -> AsyncIterator[str]:
            yield CLAUSES[0]
            await more.wait()
            yield CLAUSES[1]

        with anyio.fail_after(sound.DEADLINE_S):
            speeches = []
            async for speech in session.speak(slowly()):
                speeches.append(speech)
                if speech.last and speech.clause == 0:
                    more.set()
        assert {speech.clause for speech in speeches} == {0, 1}
        await session.aclose()

    async def test_begins_to_sound_at_once(self, tts: Tts) -> None:
        session = await self.session(tts)
        offered = tts.spec.formats[0]
        pcm = sound.decoded(joined(await spoken(session, CLAUSES[:1])), offered)
        assert sound.level(pcm[: 2 * offered.rate * 15 // 100]) > 0.005
        await session.aclose()

    async def test_words_have_rising_times_within_their_clause(self, tts: Tts) -> None:
        if not tts.spec.word_times:
            pytest.skip("it gives no word times")
        offered = tts.spec.formats[0]
        session = await self.session(tts, offered)
        text = "The visit costs $90, is that all right?"
        speeches = await spoken(session, (CLAUSES[0], text))
        words = [word for speech in speeches if speech.clause == 1 for word in speech.words]
        assert [word.text for word in words] == text.split()
        ends = [word.end for word in words]
        assert ends == sorted(ends)
        assert len(set(ends)) == len(ends)
        assert ends[0] > 0
        assert ends[-1] <= offered.samples_in(len(joined(speeches, 1)))
        await session.aclose()

    async def test_word_times_hold_at_every_rate(self, tts: Tts) -> None:
        if not tts.spec.word_times:
            pytest.skip("it gives no word times")
        seconds = []
        for offered in tts.spec.formats:
            session = await self.session(tts, offered)
            speeches = await spoken(session, CLAUSES[:1])
            seconds.append(next(speech for speech in speeches if speech.words).words[0].end / offered.rate)
            await session.aclose()
        assert max(seconds) - min(seconds) < 0.01

    async def test_cancelled_at_any_moment_and_used_on(self, tts: Tts) -> None:
        before = sound.other_tasks()
        session = await self.session(tts)
        for number, delay in enumerate((0.0, 0.001, 0.005, 0.02)):
            with anyio.move_on_after(delay):
                await spoken(session, [f"{number} {clause}" for clause in CLAUSES])
        assert joined(await spoken(session, CLAUSES[:1]))
        await session.aclose()
        assert sound.other_tasks() == before

    async def test_two_sessions_do_not_mix(self, tts: Tts) -> None:
        found: dict[int, bytes] = {}

        async def one(number: int) -> None:
            session = await self.session(tts)
            found[number] = joined(await spoken(session, CLAUSES[number : number + 1]))
            await session.aclose()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one, 0)
            tasks.start_soon(one, 1)
        session = await self.session(tts)
        alone = joined(await spoken(session, CLAUSES[:1]))
        await session.aclose()
        assert abs(len(found[0]) - len(alone)) < tts.spec.formats[0].bytes_for(tts.spec.formats[0].rate // 5)
        assert len(found[0]) != len(found[1])

    async def test_a_failing_source_of_clauses_is_not_swallowed(self, tts: Tts) -> None:
        session = await self.session(tts)

        async def broken() -> AsyncIterator[str]:
            yield CLAUSES[0]
            msg = "the reply broke"
            raise LookupError(msg)

        with pytest.raises(LookupError), anyio.fail_after(sound.DEADLINE_S):
            async for _ in session.speak(broken()):
                pass
        await session.aclose()

    async def test_speaks_no_more_after_close(self, tts: Tts) -> None:
        session = await self.session(tts)
        await session.aclose()
        with pytest.raises(ProviderError) as refused:
            await spoken(session, CLAUSES)
        self.clean(refused.value)
