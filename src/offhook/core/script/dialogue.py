"""What to say: the script's state through speculation, rollback and playout.

The script is a pure value machine, so a reply may be worked out before the caller's turn is sure to be over. A *proposal*
is the state after such a reply. It is accepted when its turn is promoted; taken back when the caller goes on before
anything was heard; and told, after playout, how much of it the caller really heard. A live call and a text test of an agent are both a
``Dialogue``; they differ in who speaks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from offhook.core.script import acts as script_acts
from offhook.core.script.accept import Refusal
from offhook.core.script.decide import Decision, decide
from offhook.core.script.legal import expecting
from offhook.core.script.model import Script
from offhook.core.script.rules import understand
from offhook.core.script.secret import Sealed, Vault, keyed, secure_slot
from offhook.core.script.state import (
    Ask,
    Begin,
    End,
    Hangup,
    Mode,
    Out,
    Run,
    Say,
    ScriptEvent,
    ScriptState,
    Silence,
    Spoken,
    ToolDone,
    Transfer,
    Transferred,
    Understood,
)
from offhook.core.script.step import initial, reopen, step
from offhook.core.understand.complete import Expect
from offhook.core.understand.types import Context


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to be said: ``id`` is the script's name for it, "" for a line of our own."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Heed:
    """What a model is told once about its last answer, and how many answers in a row had acts that it may not do."""

    refused: tuple[Refusal, ...] = ()
    strikes: int = 0


@dataclass(slots=True)
class Proposal:
    """A reply worked out: what to say, what to run, and the state before and after."""

    before: ScriptState
    after: ScriptState
    items: tuple[Item, ...] = ()
    runs: tuple[Run, ...] = ()
    end: str | None = None
    transfer: str | None = None
    acts: tuple[dict[str, Any], ...] = ()
    consumed: tuple[ToolDone, ...] = field(default=())
    outs: tuple[Out, ...] = ()
    """All that the script gave out: what is said, and notes of why."""
    source: str = "rules"
    """Who understood the caller: rules, model, or plain (a model without acts)."""
    heed: Heed | None = None
    """What a model is to be told next; None leaves it as it is."""
    heeded: Heed = field(default_factory=Heed)
    """What it was to be told before."""

    @property
    def writes(self) -> bool:
        """True when accepting it starts work that cannot be taken back."""
        return any(run.effect == "write" for run in self.runs)

    @property
    def empty(self) -> bool:
        """True when the caller would hear nothing and nothing would happen."""
        return not (self.items or self.runs or self.end is not None or self.transfer)


class Dialogue:
    """One call's conversation with its script."""

    def __init__(self, script: Script, context: Context, given: Mapping[str, Any], passages: tuple[tuple[str, str], ...]) -> None:
        self._script = script
        self._context = context
        self._given = given
        self._passages = passages
        self.state: ScriptState = initial(script)
        self.outcome = ""
        """The outcome code; "" until the conversation has ended."""
        self._results: list[ToolDone] = []
        self.heed = Heed()
        """What the model is told with the next turn."""
        self.vault = Vault(script)
        """What was keyed in secret."""
        self._ending: Proposal | None = None
        """The accepted reply that ended the conversation last. A caller who talks over its goodbye has the conversation back."""

    @property
    def context(self) -> Context:
        """Locale, region, time and hours for the grammars."""
        return self._context

    @property
    def script(self) -> Script:
        """The script that is followed."""
        return self._script

    @property
    def passages(self) -> tuple[tuple[str, str], ...]:
        """The tenant's own text, (title, text)."""
        return self._passages

    def ready(self) -> ScriptState:
        """The state as the caller's next words will find it: the tools' answers in, an end that was talked over open again."""
        return self._before(self._results, spoken=True)[0]

    def decide(self, text: str) -> Decision:
        """Whether the rules explain these words or a model is asked, and why."""
        return decide(self._script, self.ready(), text)

    def expecting(self) -> Expect:
        """What the open question wants."""
        return expecting(self._script, self.state)

    def begin(self) -> Proposal:
        """The opening."""
        return self._propose(Begin(given=self._given, context=self._context, passages=self._passages))

    def answer(self, text: str) -> Proposal:
        """A reply to the caller's words, and to any tool that has answered meanwhile."""
        return self._propose(*self._results, text=text, spoken=bool(text))

    def propose(self, acts: tuple[script_acts.Act, ...], source: str, text: str) -> Proposal:
        """A reply to acts that a model found in the caller's words. No state is moved before it is accepted."""
        return self._propose(*self._results, text=text, spoken=True, understood=Understood(acts, source, text))

    def keys(self, digits: str) -> Proposal:
        """A reply to telephone keys. Digits that are keyed in secret go into the vault, and no further."""
        return self._propose(*self._results, keyed(self._script, self.ready(), digits, self.vault), spoken=True)

    @property
    def secret(self) -> bool:
        """Whether something is collected in secret now."""
        return secure_slot(self._script, self.state) is not None

    def mode(self, mode: Literal["voice", "keys"]) -> Proposal:
        """From now on the caller is understood by voice, or by keys only: then what can be keyed is said."""
        return self._propose(Mode(mode))

    def silence(self) -> Proposal:
        """The caller says nothing."""
        return self._propose(Silence())

    def transferred(self, ok: bool, text: str = "") -> Proposal:
        """A transfer has succeeded or failed; and a reply to what the caller has said meanwhile, where the conversation goes on."""
        proposal = self._propose(Transferred(ok))
        return self._propose(Transferred(ok), text=text, spoken=True) if text and proposal.end is None else proposal

    def tool_done(self, key: str, values: Mapping[str, Any], error: str | None) -> None:
        """Keep a tool's result for the next reply."""
        self._results.append(ToolDone(key=key, values=values, error=error))

    def slots(self) -> dict[str, Any]:
        """What is known, by slot: the typed value and the words it came from."""
        return {
            name: {"value": str(value.value) if isinstance(value.value, Sealed) else value.value, "raw": value.raw, "status": value.status}
            for name, value in self.state.values.items()
        }

    def path(self) -> tuple[str, ...]:
        """The states visited, in order."""
        return tuple(visit.state for visit in self.state.path)

    def heard(self, must_say: str) -> bool:
        """Whether the caller has heard this text of ``must_say`` whole."""
        return self.state.must.get(must_say, 0) < 0

    def parting(self, text: str) -> tuple[dict[str, Any], ...]:
        """What a caller said who was gone before it was answered; its acts. Values that were given count, and nothing else: no work is
        begun, and a yes that nobody took up is none.
        """
        proposal = self.answer(text)
        known = self.state.values
        given = {name: value for name, value in proposal.after.values.items() if value.by == "voice" and value != known.get(name)}
        self.state = replace(self.state, values={**known, **given})
        return proposal.acts

    def hung_up(self) -> None:
        """The call is over; without an end of its own the script says what it amounts to."""
        self.state, outs = step(self._script, self.state, Hangup())
        ended = self._ending.end if self._ending is not None and not outs else None
        if not self.outcome:
            self.outcome = next((out.outcome for out in outs if isinstance(out, End)), ended or self.state.outcome or "")

    def accept(self, proposal: Proposal) -> None:
        """The turn is real: its state is the call's."""
        self.state = proposal.after
        if proposal.heed is not None:
            proposal.heeded, self.heed = self.heed, proposal.heed
        if proposal.end is not None:
            self._ending = proposal
        self._results = [result for result in self._results if result not in proposal.consumed]

    def take_back(self, proposal: Proposal) -> None:
        """Nothing of it was heard and the caller goes on: as if it had never been."""
        self.state = proposal.before
        if proposal.heed is not None:
            self.heed = proposal.heeded
        self._results = [*proposal.consumed, *self._results]

    def spoken(self, item: str, heard: str, whole: bool) -> tuple[Run, ...]:
        """How much of an item the caller heard; returns the work that had waited for it to be heard."""
        if not item:
            return ()
        self.state, outs = step(self._script, self.state, Spoken(item=item, heard=heard, whole=whole))
        return tuple(out for out in outs if isinstance(out, Run))

    def _before(self, events: Sequence[ScriptEvent], *, spoken: bool) -> tuple[ScriptState, list[Out]]:
        """The state before the caller's words count, and what events before them give out."""
        state = self.state
        if state.ended and spoken and self._ending is not None:
            state = reopen(self._script, self._ending.before, state)
        outs: list[Out] = []
        for event in events:
            state, more = step(self._script, state, event)
            outs.extend(more)
        return state, outs

    def _propose(self, *events: ScriptEvent, text: str = "", spoken: bool = False, understood: Understood | None = None) -> Proposal:
        before, _ = self._before((), spoken=spoken)
        state, outs = self._before(events, spoken=spoken)
        acts: tuple[dict[str, Any], ...] = ()
        if text or understood is not None:
            understood = understood or understand(self._script, state, text)
            acts = tuple(script_acts.as_dict(act) for act in understood.acts)
            # A question that the caller's own words have overtaken is not asked.
            outs = [out for out in outs if not isinstance(out, Ask)]
            state, more = step(self._script, state, understood)
            outs.extend(more)
        ends = [out.outcome for out in outs if isinstance(out, End)]
        transfers = [out.target for out in outs if isinstance(out, Transfer)]
        return Proposal(
            before=before,
            after=state,
            items=tuple(Item(out.item, out.text) for out in outs if isinstance(out, Say | Ask) and out.text),
            runs=tuple(out for out in outs if isinstance(out, Run)),
            end=ends[-1] if ends else None,
            transfer=transfers[-1] if transfers else None,
            acts=acts,
            consumed=tuple(event for event in events if isinstance(event, ToolDone)),
            outs=tuple(outs),
            source=understood.source if understood is not None else "rules",
        )
