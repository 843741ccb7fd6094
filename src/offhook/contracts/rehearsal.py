"""A turn of a text test that a language model answers: the orchestrator plays the conversation, the engine asks the model.

``POST /v1/rehearsals`` of an engine. The whole conversation goes in, with what was answered in it so far, so that nobody keeps anything.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, ConfigDict, Field, JsonValue

from offhook.contracts.events import ToolAnswer
from offhook.contracts.plan import CallPlan, Contract

MOST_TURNS: Final = 100
MOST_LETTERS: Final = 20_000
"""Of a model's answer; a reply has at most some hundred tokens."""
Count = Annotated[int, Field(ge=0, le=10_000_000)]
Elapsed = Annotated[float, Field(ge=0, le=3_600_000)]


class Answered(Contract):
    """What a model answered to the caller's words. With it the turn can be played again, and nobody is asked."""

    text: Annotated[str, Field(max_length=MOST_LETTERS)] = ""
    """As it came; what may be done and said of it is found out anew each time it is played."""
    whole: bool = True
    """False: it broke off, or was given up: what had not become a sentence by then is not said."""
    model: Annotated[str, Field(max_length=200)] = ""
    route: Annotated[str, Field(max_length=500)] = ""
    """Why this model was asked."""
    failure: Annotated[str, Field(max_length=500)] = ""
    """Why there is no answer, or no whole one."""
    first_token_ms: Elapsed | None = None
    first_words_ms: Elapsed | None = None
    """Until there was something to say: a call's voice begins then."""
    total_ms: Elapsed = 0.0
    input_tokens: Count = 0
    """As the vendor said; estimated where it said nothing."""
    output_tokens: Count = 0
    cached_tokens: Count = 0


class RehearsedTurn(Contract):
    """What the caller does, as in a text test. ``answer`` is what a model said to it, where one was asked."""

    kind: Literal["caller", "keys", "silence", "hangup"]
    text: Annotated[str, Field(max_length=1_000)] = ""
    cut_at: Annotated[str, Field(max_length=1_000)] = ""
    answer: Answered | None = None


class RehearsalRequest(Contract):
    """A conversation up to the caller's words that a model is to answer: those of the last turn."""

    model_config = ConfigDict(hide_input_in_errors=True)  # a plan holds keys

    plan: CallPlan
    moment: AwareDatetime
    """When the call comes in."""
    turns: Annotated[tuple[RehearsedTurn, ...], Field(min_length=1, max_length=MOST_TURNS)]
    results: Annotated[tuple[ToolAnswer, ...], Field(max_length=2_000)] = ()
    """What tools answered so far, one run after the other: none is run here."""
    unreachable: Annotated[tuple[str, ...], Field(max_length=50)] = ()


class Denied(Contract):
    """An act that the model proposed and that has no effect."""

    act: str
    why: str


class Rehearsed(Contract):
    """The turn as a call would have had it, but for voices and tools."""

    by: Literal["rules", "model", "plain", "policy"]
    """Whose reply it is: the rules' where they explained all that was said; the model's, by its acts, or in plain words without any; the
    rules' in its place, as a policy, where it was late, down or wrong."""
    why: str = ""
    said: tuple[str, ...] = ()
    acts: tuple[dict[str, JsonValue], ...] = ()
    refused: tuple[Denied, ...] = ()
    answer: Answered | None = None
    """None where the rules answered and no model was asked."""
