"""What goes in and out of tests of agents. All is bounded: whoever may read an agent may test it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from offhook.contracts.events import ToolAnswer
from offhook.contracts.rehearsal import MOST_TURNS, Answered
from offhook.orchestrator.agents.config import AgentConfig, Ident, StateName, document
from offhook.orchestrator.tenants.schemas import Model

Line = Annotated[str, StringConstraints(min_length=1, max_length=1_000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")]
Digits = Annotated[str, StringConstraints(pattern=r"^[0-9*#]{1,32}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
Number = Annotated[str, StringConstraints(pattern=r"^(\+[1-9][0-9]{6,14})?$")]


class FakeAnswer(Model):
    """What a tool answers instead of doing anything: values, or an error of a kind that the script knows."""

    values: Annotated[dict[str, Any], AfterValidator(document)] = {}
    error: Literal["conflict", "rejected", "timeout", "unavailable"] | None = None

    def answer(self) -> ToolAnswer:
        """As a tool's answer."""
        return ToolAnswer(values={} if self.error else self.values, error=self.error)


Fakes = Annotated[dict[StateName, Annotated[tuple[FakeAnswer, ...], Field(min_length=1, max_length=20)]], Field(max_length=50)]
"""Answers by the script's name of a tool, one run after the other; the last is given again and again."""


class Subject(Model):
    """What is tested: the draft, a version, or a document that is nowhere stored. Nothing given: the draft."""

    version: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    config: AgentConfig | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.version is not None and self.config is not None:
            raise ValueError("either a version or a config")
        return self


class TurnIn(Model):
    """What the caller does: one of ``caller`` (words), ``keys``, ``silence``, ``hangup``."""

    caller: Line | None = None
    keys: Digits | None = None
    silence: Literal[True] | None = None
    hangup: Literal[True] | None = None
    cut_at: Annotated[str, StringConstraints(max_length=1_000)] = ""
    """Words of the agent just before, after which the caller broke in: what came after them was not heard."""
    answer: Answered | None = None
    """What a model said to these words in the answer before: then it is not asked again. To be left out from an edited turn on."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [name for name in ("caller", "keys", "silence", "hangup") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("a turn has one of caller, keys, silence and hangup")
        if self.cut_at and given[0] not in {"caller", "keys"}:
            raise ValueError("who breaks in says something or presses keys")
        if self.answer is not None and given[0] != "caller":
            raise ValueError("a model answers what the caller says")
        return self


class TextTest(Subject):
    """A conversation by text. It is played from its first word, so that a turn is edited by sending the list again."""

    turns: Annotated[tuple[TurnIn, ...], Field(max_length=MOST_TURNS)] = ()
    tools: Fakes = {}
    given: Annotated[dict[Ident, Any], Field(max_length=50), AfterValidator(document)] = {}
    """Values that are known before the first word, beside those of the agent: caller_name, caller_number, ..."""
    caller: Number = ""
    """The caller's number (E.164); empty: withheld."""
    now: AwareDatetime | None = None
    """When the call comes in; without it, now."""
    unreachable: Annotated[tuple[Ident, ...], Field(max_length=50)] = ()
    """Transfer targets where nobody answers."""
    former: Annotated[tuple[Digest, ...], Field(max_length=MOST_TURNS + 1)] = ()
    """Digests of the turns of an earlier answer: ``same_until`` says how far this one is as that was."""
    rules_only: bool = False
    """The rules answer everything, as they do in a call when no model can be had."""


class Out(BaseModel):
    """Base of what goes out."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class SaidView(Out):
    """One thing that the agent says. ``item`` is the script's name for it; ``kind`` is ack, answer, say, must, goodbye, ask, guess,
    confirm, agree, change, or ``line`` for a fixed line.
    """

    item: str
    text: str
    kind: str


class RanView(Out):
    """A tool that would have run, and what its fake answered."""

    tool: str
    effect: str
    args: dict[str, Any]
    values: dict[str, Any]
    error: str | None


class ReasonView(Out):
    """Why: ``way`` names the rule that was taken (``states/route/next/0``), other codes are notes of the script."""

    code: str
    text: str


class DeniedView(Out):
    """What the caller did without effect, and why."""

    act: str
    why: str


class SlotView(Out):
    """A value that is known, and the words that it came from."""

    value: Any
    raw: str
    status: str


class TurnView(Out):
    """A turn of the caller's and all that followed from it; the first is the agent's opening (``begin``)."""

    kind: Literal["begin", "caller", "keys", "silence", "hangup"]
    text: str
    answered_by: Literal["", "rules", "model", "plain", "policy"]
    """Who answered the caller's words: the rules, which explained all of them, or were asked alone; a model, by acts, or in plain words
    without any; as a policy the rules in its place, where it was late, down or wrong. Empty where the caller said nothing."""
    why: str
    answer: Answered | None
    """What the model said, how long it took and what it used. Sent with the turn the next time, it saves asking again."""
    acts: list[dict[str, Any]]
    agent: list[SaidView]
    asks: str
    tools: list[RanView]
    reasons: list[ReasonView]
    refused: list[DeniedView]
    at: str
    """The state in which the call now is."""
    stack: list[str]
    """States that wait for it to return."""
    slots: dict[str, SlotView]
    transfer: str | None
    ended: bool
    digest: str
    """Of everything up to here: it differs from the first difference on."""


class MishapView(Out):
    """What went wrong in the test itself, and in which turn (0 is the opening)."""

    turn: int
    message: str


class TextTestResult(Out):
    """The whole conversation."""

    script: str
    script_version: int
    open_now: bool
    turns: list[TurnView]
    same_until: int
    """How many turns, the opening included, are as in the answer whose digests were sent."""
    ended: bool
    outcome: str
    """The outcome's code; empty while the call goes on."""
    success: str | None
    """What the script says of the outcome: good, neutral or bad."""
    path: list[str]
    faults: list[MishapView]
    notice: str
    """Why the agent's models were not asked, where they would be in a call."""
    steps: int


class NewVoiceTest(Subject):
    """A call by voice with a draft or a version: tools answer from fakes, nothing is booked, nobody is told.

    With ``real`` it is a call like any other, with the version that answers now.
    """

    tools: Fakes = {}
    caller: Number = ""
    """The number that the call seems to come from; empty: withheld."""
    real: Annotated[bool, Field(description="No test, but a call: what it books is booked. Needs appointments.write.")] = False
    minutes: Annotated[int, Field(ge=1, le=60)] = 10
    """How long the token waits for its call."""

    @model_validator(mode="after")
    def _as_it_answers(self) -> Self:
        if self.real and (self.version is not None or self.config is not None or self.tools):
            raise ValueError("a real call is with the version that answers now, and with its tools")
        return self


class VoiceTestView(Out):
    """A voice test. ``call_id`` is there once its call was begun."""

    id: str
    agent_id: str
    version: int | None
    draft: int | None
    """The draft's revision that is tested."""
    made_by: str
    created_at: datetime
    expires_at: datetime
    call_id: str | None


class VoiceTestStart(VoiceTestView):
    """The one-time token, shown this once, and where to bring it."""

    token: str
    page: str
    """A page to talk on, with a microphone."""
    socket: str
    """The websocket that the page opens: its first message is ``start``."""
    start: dict[str, Any]
    offers: tuple[str, ...]
    """Where the call may be offered over WebRTC instead, by pages of the origin that asked; tried in order."""
