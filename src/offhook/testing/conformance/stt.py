# ruff: noqa: S101, D102 - this is a test suite to inherit, and test names are sentences
"""What every recogniser must do. Inherit ``SttConformance``, give the fixtures ``stt`` and ``said``, and run with pytest."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest

from offhook.core.audio.format import OPUS_48K, PCM16_48K, AudioFormat
from offhook.core.audio.frame import PcmFrame
from offhook.errors import FormatError, OffhookError, ProviderError
from offhook.ports.stt import Heard, Stt, SttHints, SttSession
from offhook.testing.conformance import sound
from offhook.testing.conformance.sound import Utterance


async def until(session: SttSession, wanted: Callable[[Heard], bool]) -> Heard:
    """The first recognised text that fits."""
    with anyio.fail_after(sound.DEADLINE_S):
        async for event in session:
            if isinstance(event, Heard) and wanted(event):
                return event
    msg = "the session ended without the text that was waited for"
    raise AssertionError(msg)


class Speaker:
    """Feeds a session as the engine does: audio in 20 ms frames, marks with positions."""

    def __init__(self, session: SttSession, format: AudioFormat) -> None:
        self.session = session
        self.format = format
        self.position = 0

    def push(self, data: bytes) -> None:
        """Audio in the format."""
        for frame in sound.frames(data, self.format, self.position):
            self.session.push(frame)
        self.position += self.format.samples_in(len(data))

    def quiet(self, seconds: float) -> None:
        """Silence."""
        self.push(sound.silence(seconds, self.format))

    def begin(self, said: Utterance) -> None:
        """An utterance that has not ended yet."""
        start = self.position
        data = sound.encoded(said.pcm, self.format)
        half = self.format.bytes_for(self.format.rate // 5)
        self.push(data[:half])
        self.session.speech_started(start)
        self.push(data[half:])

    def say(self, said: Utterance) -> None:
        """An utterance, and the pause that tells its end."""
        self.begin(said)
        end = self.position
        self.quiet(0.2)
        self.session.speech_stopped(end)


class SttConformance:
    """The suite. ``said`` is one utterance of two seconds or so; ``other`` another one with other words."""

    secrets: tuple[str, ...] = ()
    """Keys that must not be seen in errors."""

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    @pytest.fixture
    def stt(self) -> Stt:
        raise NotImplementedError

    @pytest.fixture
    def said(self) -> Utterance:
        raise NotImplementedError

    @pytest.fixture
    def other(self) -> Utterance:
        raise NotImplementedError

    async def speaker(self, stt: Stt, format: AudioFormat | None = None) -> Speaker:
        chosen = format or stt.spec.formats[0]
        return Speaker(await stt.open(chosen, "en-US", SttHints()), chosen)

    def clean(self, error: OffhookError) -> None:
        assert not any(secret in f"{error}{error!r}{error.public}{error.detail}" for secret in self.secrets)

    async def test_its_spec_names_it(self, stt: Stt) -> None:
        assert stt.spec.kind == "stt"
        assert stt.spec.id.startswith("stt/")
        assert stt.spec.formats

    async def test_opens_and_closes_and_closes_again(self, stt: Stt) -> None:
        before = sound.other_tasks()
        speaker = await self.speaker(stt)
        await speaker.session.aclose()
        await speaker.session.aclose()
        assert sound.other_tasks() == before

    async def test_close_ends_the_iteration(self, stt: Stt) -> None:
        speaker = await self.speaker(stt)

        async def close() -> None:
            await anyio.sleep(0.05)
            await speaker.session.aclose()

        with anyio.fail_after(sound.DEADLINE_S):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(close)
                assert [event async for event in speaker.session] == []

    async def test_hears_every_format_that_it_declares(self, stt: Stt, said: Utterance) -> None:
        for offered in stt.spec.formats:
            speaker = await self.speaker(stt, offered)
            speaker.say(said)
            heard = await until(speaker.session, lambda event: event.final)
            assert sound.words(heard.text) == sound.words(said.words), str(offered)
            await speaker.session.aclose()

    async def test_refuses_a_format_that_it_does_not_declare(self, stt: Stt) -> None:
        other = next(known for known in (OPUS_48K, PCM16_48K) if known not in stt.spec.formats)
        with pytest.raises(FormatError, match=str(other)) as refused:
            await stt.open(other, "en-US", SttHints())
        self.clean(refused.value)

    async def test_refuses_audio_in_another_format(self, stt: Stt) -> None:
        speaker = await self.speaker(stt)
        with pytest.raises(FormatError) as refused:
            speaker.session.push(PcmFrame(bytes(1_920), PCM16_48K, 0))
        self.clean(refused.value)
        await speaker.session.aclose()

    async def test_refuses_a_language_that_it_does_not_know(self, stt: Stt) -> None:
        if "*" in stt.spec.locales:
            pytest.skip("it says that it knows all languages")
        with pytest.raises(ProviderError) as refused:
            await stt.open(stt.spec.formats[0], "xx-XX", SttHints())
        self.clean(refused.value)

    async def test_gives_words_while_they_are_spoken(self, stt: Stt, said: Utterance) -> None:
        speaker = await self.speaker(stt)
        speaker.begin(said)
        heard = await until(speaker.session, lambda event: bool(event.text))
        assert not heard.final
        assert sound.words(heard.text)[0] == sound.words(said.words)[0]
        await speaker.session.aclose()

    async def test_a_text_has_its_place_and_confidence(self, stt: Stt, said: Utterance) -> None:
        speaker = await self.speaker(stt)
        speaker.quiet(1.0)
        begin = speaker.position
        speaker.say(said)
        heard = await until(speaker.session, lambda event: event.final)
        rate = speaker.format.rate
        assert abs(heard.start - begin) <= rate // 2
        assert begin < heard.end <= speaker.position
        assert abs(heard.end - speaker.position) <= rate // 2
        assert 0 <= heard.confidence <= 1
        await speaker.session.aclose()

    async def test_long_silence_is_survived(self, stt: Stt, said: Utterance) -> None:
        speaker = await self.speaker(stt)
        speaker.quiet(120.0)
        speaker.say(said)
        heard = await until(speaker.session, lambda event: event.final and bool(event.text))
        assert sound.words(heard.text) == sound.words(said.words)
        await speaker.session.aclose()

    async def test_speech_after_a_pause_replaces_the_segment_or_follows_it(self, stt: Stt, said: Utterance, other: Utterance) -> None:
        speaker = await self.speaker(stt)
        texts: dict[int, str] = {}
        for utterance in (said, other):
            speaker.say(utterance)
            heard = await until(speaker.session, lambda event: event.final)
            texts[heard.segment] = heard.text
            speaker.quiet(0.6)
        assert list(texts) == sorted(texts)
        assert sound.words(" ".join(texts.values())) == sound.words(f"{said.words} {other.words}")
        await speaker.session.aclose()

    async def test_listen_forgets_what_was_said(self, stt: Stt, said: Utterance, other: Utterance) -> None:
        speaker = await self.speaker(stt)
        speaker.say(said)
        first = await until(speaker.session, lambda event: event.final)
        speaker.session.listen()
        speaker.quiet(0.5)
        speaker.say(other)
        second = await until(speaker.session, lambda event: event.final)
        assert second.segment > first.segment
        assert sound.words(second.text) == sound.words(other.words)
        await speaker.session.aclose()

    async def test_listen_drops_what_has_not_been_given(self, stt: Stt, said: Utterance, other: Utterance) -> None:
        speaker = await self.speaker(stt)
        speaker.say(said)
        speaker.session.listen()
        speaker.quiet(0.5)
        speaker.say(other)
        heard = await until(speaker.session, lambda event: event.final)
        assert sound.words(heard.text) == sound.words(other.words)
        await speaker.session.aclose()

    async def test_two_sessions_do_not_mix(self, stt: Stt, said: Utterance, other: Utterance) -> None:
        found: dict[int, str] = {}

        async def one(number: int, utterance: Utterance) -> None:
            speaker = await self.speaker(stt)
            speaker.say(utterance)
            found[number] = (await until(speaker.session, lambda event: event.final)).text
            await speaker.session.aclose()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one, 0, said)
            tasks.start_soon(one, 1, other)
        assert sound.words(found[0]) == sound.words(said.words)
        assert sound.words(found[1]) == sound.words(other.words)

    async def test_cancelled_while_nothing_is_said(self, stt: Stt) -> None:
        before = sound.other_tasks()
        speaker = await self.speaker(stt)
        with anyio.move_on_after(0.05) as scope:
            await until(speaker.session, lambda _: True)
        assert scope.cancelled_caught
        await speaker.session.aclose()
        assert sound.other_tasks() == before

    async def test_cancelled_at_any_moment_of_recognition_and_used_on(self, stt: Stt, said: Utterance) -> None:
        before = sound.other_tasks()
        speaker = await self.speaker(stt)
        for delay in (0.0, 0.001, 0.005, 0.02):
            speaker.session.listen()
            speaker.say(said)
            with anyio.move_on_after(delay):
                await until(speaker.session, lambda _: False)
        speaker.session.listen()
        speaker.say(said)
        heard = await until(speaker.session, lambda event: event.final)
        assert sound.words(heard.text) == sound.words(said.words)
        await speaker.session.aclose()
        assert sound.other_tasks() == before

    async def test_closed_in_mid_word(self, stt: Stt, said: Utterance) -> None:
        speaker = await self.speaker(stt)
        speaker.begin(said)

        async def close() -> None:
            await anyio.sleep(0.01)
            await speaker.session.aclose()

        with anyio.fail_after(sound.DEADLINE_S):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(close)
                events = [event async for event in speaker.session]
        assert not any(isinstance(event, Heard) and event.final for event in events)

    async def test_marks_out_of_order_and_no_audio_are_harmless(self, stt: Stt, said: Utterance) -> None:
        speaker = await self.speaker(stt)
        speaker.session.speech_stopped(0)
        speaker.session.listen()
        speaker.push(b"")
        speaker.session.speech_started(0)
        speaker.session.speech_started(0)
        speaker.session.speech_stopped(0)
        speaker.session.speech_stopped(0)
        speaker.session.listen()
        speaker.say(said)
        heard = await until(speaker.session, lambda event: event.final and bool(event.text))
        assert sound.words(heard.text) == sound.words(said.words)
        await speaker.session.aclose()

    async def test_speech_without_a_pause_is_heard_whole_and_bounded(self, stt: Stt, said: Utterance) -> None:
        speaker = await self.speaker(stt)
        times = -(-30 * 32_000 // len(said.pcm))
        speaker.begin(Utterance(said.pcm * times, ""))
        end = speaker.position
        speaker.quiet(0.2)
        speaker.session.speech_stopped(end)
        texts: dict[int, str] = {}
        with anyio.fail_after(sound.DEADLINE_S):
            async for event in speaker.session:
                if isinstance(event, Heard):
                    texts[event.segment] = event.text
                    if event.final and speaker.position - event.end <= speaker.format.rate // 2:
                        break
        heard = sound.words(" ".join(text for _, text in sorted(texts.items())))
        assert len(heard) >= 0.8 * times * len(sound.words(said.words))
        await speaker.session.aclose()
