"""The ladder of an answer: where the time from the caller's last sample to the agent's first went. Pure.

=============== ========================================= ===================================================================
step            from                                      to
=============== ========================================= ===================================================================
endpoint        the caller's last sample                  the shift is decided
stt_final       the decision                              the final words are there
to_llm          the final words                           the model is asked; without a model, the rules have answered
first_token     the request                               the model's first token (no step where no model was asked)
first_clause    the first token                           the first clause goes to the voice
tts_first_byte  the request to the voice                  its first audio
playout         the first audio                           the first frame on the wire
=============== ========================================= ===================================================================

What speculation had finished before the decision costs 0; what it had begun costs what was left of it. Steps add up to ``total`` to the
tenth of a millisecond. The older, coarser steps are kept: ``understand`` is stt_final + to_llm + first_token, ``tts`` is tts_first_byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from offhook.contracts.events import Ladder
from offhook.core.time import MS, SECOND, Instant

_TENTH = MS // 10
STEPS = ("endpoint", "stt_final", "to_llm", "first_token", "first_clause", "tts_first_byte", "playout")


@dataclass(slots=True)
class Marks:
    """When what happened in one answer, on the call's clock; None where it did not. ``engine.reply`` fills them in as it goes."""

    speech_end: Instant | None = None
    """The caller's last sample of speech."""
    decided: Instant | None = None
    """The shift was sure: a speculative turn's promotion, else the turn's opening."""
    stt_final: Instant | None = None
    """The final words that this answer is to; None where a partial was enough."""
    llm_request: Instant | None = None
    """The model was asked; None where the rules answered."""
    first_token: Instant | None = None
    worked_out: Instant | None = None
    """The rules' answer; of a model's only where it was needed whole."""
    first_clause: Instant | None = None
    """The first clause was complete."""
    tts_request: Instant | None = None
    """It was given to the voice, or found among the kept ones."""
    tts_first_byte: Instant | None = None
    first_sent: Instant | None = None
    """The first audible frame was on the wire: the reply's, or that of an opener before it."""

    @property
    def whole(self) -> bool:
        """Whether there was an answer at all: somebody spoke, it was decided to answer, and something was heard."""
        return None not in (self.speech_end, self.decided, self.first_sent)


def _walk(marks: Marks, speech_end: Instant, decided: Instant, sent: Instant) -> list[Instant]:
    """The ends of the steps: none before the one before it, none after the first frame."""
    answered = marks.llm_request if marks.llm_request is not None else marks.worked_out
    walked = [speech_end]
    for point in (decided, marks.stt_final, answered, marks.first_token, marks.tts_request, marks.tts_first_byte):
        walked.append(min(sent, max(walked[-1], point)) if point is not None else walked[-1])
    return [*walked, sent]


def ladder(marks: Marks) -> Ladder:
    """The steps in milliseconds. Empty for what was no answer to speech, and for marks that cannot be (heard before it was asked)."""
    if marks.speech_end is None or marks.decided is None or marks.first_sent is None or marks.first_sent < marks.speech_end:
        return Ladder()
    walked = _walk(marks, marks.speech_end, marks.decided, marks.first_sent)
    # Rounded from the beginning on, not step by step: the steps add up to the total.
    tenths = [round((point - marks.speech_end) / _TENTH) for point in walked]
    steps = dict(zip(STEPS, (b - a for a, b in pairwise(tenths)), strict=True))
    understand = steps["stt_final"] + steps["to_llm"] + steps["first_token"]
    return Ladder(
        endpoint=steps["endpoint"] / 10,
        stt_final=steps["stt_final"] / 10 if marks.stt_final is not None else None,
        to_llm=steps["to_llm"] / 10 if marks.llm_request is not None or marks.worked_out is not None else None,
        first_token=steps["first_token"] / 10 if marks.first_token is not None else None,
        first_clause=steps["first_clause"] / 10,
        tts_first_byte=steps["tts_first_byte"] / 10,
        playout=steps["playout"] / 10,
        understand=understand / 10,
        tts=steps["tts_first_byte"] / 10,
        total=tenths[-1] / 10,
    )


def overhead(marks: Marks) -> float | None:
    """Seconds that the engine itself took between the decision and the first frame: final words to request, clause to voice, audio to wire.

    What was done ahead of the decision costs nobody anything and is not in it.
    """
    if marks.speech_end is None or marks.decided is None or marks.first_sent is None:
        return None
    begun = max(marks.decided, marks.speech_end)
    known = max(begun, marks.stt_final) if marks.stt_final is not None else begun
    asked = marks.llm_request if marks.llm_request is not None else marks.worked_out
    spans = ((known, asked), (marks.first_clause, marks.tts_request), (marks.tts_first_byte, marks.first_sent))
    took = 0
    for start, end in spans:
        if start is not None and end is not None:
            took += max(0, min(end, marks.first_sent) - max(start, begun))
    return took / SECOND
