"""What every recogniser of ours must do beyond the suite for anybody's: order, replacement, hints, packets of odd sizes, a prompt close."""

from __future__ import annotations

from itertools import pairwise

import anyio
import pytest

from offhook.core.audio.format import MULAW_8K
from offhook.core.audio.frame import Packet, PcmFrame
from offhook.errors import FormatError
from offhook.ports.stt import Heard, Stt, SttEvent, SttHints
from offhook.testing.conformance import sound
from offhook.testing.conformance.sound import Utterance
from offhook.testing.conformance.stt import Speaker, SttConformance, until


async def all_until_final(speaker: Speaker) -> list[SttEvent]:
    """Every event up to and with the first final text."""
    found: list[SttEvent] = []
    with anyio.fail_after(sound.DEADLINE_S):
        async for event in speaker.session:
            found.append(event)
            if isinstance(event, Heard) and event.final and event.text:
                break
    return found


class SttSuite(SttConformance):
    """The suite. Give ``stt``, ``said`` and ``other`` as for ``SttConformance``."""

    async def test_texts_come_in_order_and_lie_within_the_audio(self, stt: Stt, said: Utterance, other: Utterance) -> None:
        speaker = await self.speaker(stt)
        texts: list[Heard] = []
        for utterance in (said, other, said):
            speaker.say(utterance)
            texts += [event for event in await all_until_final(speaker) if isinstance(event, Heard)]
            speaker.quiet(1.0)
        assert all(one.segment <= two.segment for one, two in pairwise(texts))
        assert all(0 <= one.start <= one.end <= speaker.position for one in texts)
        whole = {one.segment: one.text for one in texts}
        assert sound.words(" ".join(whole.values())) == sound.words(f"{said.words} {other.words} {said.words}")
        await speaker.session.aclose()

    async def test_hints_of_any_kind_are_taken(self, stt: Stt, said: Utterance) -> None:
        phrases = ("Offhook", "", "  Smith   & Sons ", "x" * 300, "naïve café 中文", "a,b&c=d#e", *(f"word {n}" for n in range(300)))
        accepted = stt.spec.formats[0]
        speaker = Speaker(await stt.open(accepted, "en-AU", SttHints(phrases)), accepted)
        speaker.say(said)
        heard = await until(speaker.session, lambda event: event.final and bool(event.text))
        assert sound.words(heard.text) == sound.words(said.words)
        await speaker.session.aclose()

    @pytest.mark.parametrize("size", [1, 37, 801, 40_000])
    async def test_audio_in_pieces_of_any_size(self, stt: Stt, said: Utterance, size: int) -> None:
        accepted = stt.spec.formats[0]
        session = await stt.open(accepted, "en-US", SttHints())
        position = 0

        def push(data: bytes) -> None:
            nonlocal position
            step = accepted.bytes_for(size)
            for at in range(0, len(data), step):
                piece = data[at : at + step]
                packet = Packet(piece, accepted, 0, position) if accepted.sample_bytes == 1 else PcmFrame(piece, accepted, position)
                session.push(packet)
                position += accepted.samples_in(len(piece))

        session.speech_started(0)
        push(sound.encoded(said.pcm, accepted))
        end = position
        push(sound.silence(0.3, accepted))
        session.speech_stopped(end)
        heard = await until(session, lambda event: event.final and bool(event.text))
        assert sound.words(heard.text) == sound.words(said.words)
        assert heard.end <= position
        await session.aclose()

    async def test_half_a_sample_is_refused(self, stt: Stt) -> None:
        wide = next((one for one in stt.spec.formats if one.sample_bytes == 2), None)
        if wide is None:
            pytest.skip("it takes one byte a sample only")
        session = await stt.open(wide, "en-US", SttHints())
        with pytest.raises(FormatError):
            session.push(PcmFrame(b"abc", wide, 0))
        await session.aclose()

    async def test_a_pause_without_words_gets_a_final_all_the_same(self, stt: Stt) -> None:
        if stt.spec.own_endpointing:
            pytest.skip("it is not told of pauses")
        speaker = await self.speaker(stt)
        speaker.quiet(1.0)
        speaker.session.speech_started(speaker.position - speaker.format.rate // 2)
        speaker.quiet(0.2)
        speaker.session.speech_stopped(speaker.position - speaker.format.rate // 10)
        assert (await until(speaker.session, lambda event: event.final)).text == ""
        await speaker.session.aclose()

    async def test_listen_in_mid_speech_gives_the_rest_only(self, stt: Stt, said: Utterance, other: Utterance) -> None:
        """No word twice, none of before the cut, and those of long after it all."""
        speaker = await self.speaker(stt)
        speaker.begin(said)
        early = await until(speaker.session, lambda event: bool(event.text))
        speaker.session.listen()
        speaker.begin(other)
        end = speaker.position
        speaker.quiet(0.4)
        speaker.session.speech_stopped(end)
        late = await until(speaker.session, lambda event: event.final)
        assert late.segment > early.segment
        words, wanted = sound.words(late.text), sound.words(other.words)
        assert words[-len(wanted) + 1 :] == wanted[1:]
        assert len(words) <= len(wanted) + 1
        await speaker.session.aclose()

    async def test_closes_promptly_whatever_is_under_way(self, stt: Stt, said: Utterance) -> None:
        before = sound.other_tasks()
        speaker = await self.speaker(stt)
        speaker.say(said)
        with anyio.fail_after(2.0):
            await speaker.session.aclose()
            await speaker.session.aclose()
        assert [event async for event in speaker.session] == []
        assert sound.other_tasks() == before

    async def test_what_is_pushed_after_the_close_is_let_fall(self, stt: Stt, said: Utterance) -> None:
        speaker = await self.speaker(stt)
        await speaker.session.aclose()
        speaker.say(said)
        speaker.session.listen()

    async def test_mu_law_of_the_telephone_needs_no_conversion(self, stt: Stt) -> None:
        assert MULAW_8K in stt.spec.formats
