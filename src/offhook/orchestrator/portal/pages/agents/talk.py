"""Talking to a draft by text. The whole conversation is in the form and is played anew each time: nothing is stored, nothing is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from offhook.contracts.rehearsal import MOST_TURNS, Answered
from offhook.errors import Invalid, TooManyRequests, Unreachable
from offhook.orchestrator.agents.trials import ops as trials
from offhook.orchestrator.agents.trials import text as trial
from offhook.orchestrator.agents.trials.schemas import Line, Subject, TextTest, TextTestResult, TurnIn, TurnView
from offhook.orchestrator.auth.access import TenantAccess
from offhook.orchestrator.portal.forms import sentence
from offhook.orchestrator.portal.outcomes import Outcome, of_code
from offhook.orchestrator.portal.pages.agents.editor import named
from offhook.orchestrator.portal.show import _

KINDS: Final = ("caller", "keys", "silence")
LONGEST: Final = 1_000
_LINE: Final[TypeAdapter[str]] = TypeAdapter(Line)


@dataclass(frozen=True, slots=True)
class Said:
    """A turn of the caller's with all that followed; the first has no words of theirs."""

    number: int
    kind: str
    text: str
    sent: str
    """As the form sends it again."""
    answer: str
    agent: tuple[str, ...]
    tools: tuple[str, ...]
    step: str
    """The step that it came to, where that is another one."""
    differs: bool
    """The first that is not as it was before the last change."""


@dataclass(frozen=True, slots=True)
class Talk:
    """The conversation as the page shows it. ``problem``: why it could not be played."""

    turns: tuple[Said, ...] = ()
    known: tuple[tuple[str, str], ...] = ()
    asks: str = ""
    ended: bool = False
    outcome: Outcome | None = None
    notice: str = ""
    problem: str = ""
    status: int = 200
    now: str = ""
    digests: str = ""
    models: bool = False
    rules_only: bool = False


async def talk(access: TenantAccess, agent: str, fields: Mapping[str, str]) -> Talk:
    """Play what a form asks for against the draft as it is."""
    turns = asked(fields)
    subject = await trials.subject(access.scope, agent, Subject())
    rules_only = fields.get("rules_only") == "yes"
    now = access.given.clock()
    wrong, found = "", None
    status = 200
    try:
        test = TextTest(
            turns=tuple(turns),
            now=datetime.fromisoformat(fields["now"]) if fields.get("now") else now,
            former=tuple(fields.get("former", "").split()),
            rules_only=rules_only,
        )
        found = await trial.run(subject, test, now, access.given, paid="agents.write" in access.may)
    except (Invalid, TooManyRequests, Unreachable) as error:
        faults = [one.message for one in error.faults] if isinstance(error, Invalid) else []
        wrong, status = " ".join(sentence(one) for one in faults[:1] or [error.public]), error.status
    except (ValidationError, ValueError):
        wrong, status = _("This is not a conversation that can be played: begin again."), 422
    models = bool(subject.models.llm)
    if found is None:
        return Talk(turns=_typed(turns), problem=wrong, status=status, now=fields.get("now", ""), models=models, rules_only=rules_only)
    return _shown(found, turns, fields.get("now") or now.isoformat(), models=models, rules_only=rules_only)


def asked(fields: Mapping[str, str]) -> list[TurnIn]:
    """The turns that a form asks for: those that were there, with what was edited, up to where it is cut, and one more."""
    act = fields.get("act", "")
    if act == "start":
        return []
    turns: list[TurnIn] = []
    edited = False
    for number in range(1, MOST_TURNS + 1):
        sent = fields.get(f"turn.{number}")
        if sent is None or act == f"cut.{number}":
            break
        kind, _sep, text = sent.partition(":")
        now = fields.get(f"edit.{number}", text).strip() if kind == "caller" else text
        edited |= now != text
        if made := _turn(kind, now, "" if edited else fields.get(f"answer.{number}", "")):
            turns.append(made)
    kind = act if act in {"keys", "silence"} else "caller"
    if not act.startswith("cut.") and (made := _turn(kind, fields.get("say", "").strip(), "")):
        turns.append(made)
    return turns[:MOST_TURNS]


def _turn(kind: str, text: str, answer: str) -> TurnIn | None:
    """None for what cannot be said."""
    try:
        if kind == "silence":
            return TurnIn(silence=True)
        if kind == "keys":
            return TurnIn(keys=text.replace(" ", ""))
        return TurnIn(caller=_LINE.validate_python(text[:LONGEST]), answer=Answered.model_validate_json(answer) if answer else None)
    except ValidationError:
        return None


def _sent(turn: TurnIn) -> str:
    kind = next(name for name in (*KINDS, "hangup") if getattr(turn, name) is not None)
    return f"{kind}:{turn.caller or turn.keys or ''}"


def _typed(turns: Sequence[TurnIn]) -> tuple[Said, ...]:
    """Of a conversation that could not be played: what the caller says in it."""
    return tuple(
        Said(number, _sent(one).partition(":")[0], one.caller or one.keys or "", _sent(one), "", (), (), "", differs=False)
        for number, one in enumerate(turns, 1)
    )


def _shown(found: TextTestResult, turns: Sequence[TurnIn], now: str, *, models: bool, rules_only: bool) -> Talk:
    rows: list[Said] = []
    at = ""
    for number, turn in enumerate(found.turns):
        sent = turns[number - 1] if 0 < number <= len(turns) else None
        rows.append(
            Said(
                number=number,
                kind=turn.kind,
                text=turn.text,
                sent=_sent(sent) if sent else "",
                answer=turn.answer.model_dump_json() if turn.answer is not None else "",
                agent=tuple(one.text for one in turn.agent),
                tools=tuple(_tool(one) for one in turn.tools),
                step=named(turn.at) if turn.at != at else "",
                differs=number == found.same_until and 0 < number < len(found.turns) - 1,
            )
        )
        at = turn.at
    last = found.turns[-1] if found.turns else None
    return Talk(
        turns=tuple(rows),
        known=tuple((named(name), _value(slot.raw, slot.value)) for name, slot in last.slots.items()) if last else (),
        asks=_asks(last),
        ended=found.ended,
        outcome=of_code(found.outcome) if found.outcome else None,
        notice=sentence(found.notice) if found.notice else "",
        problem=" ".join(sentence(one.message) for one in found.faults),
        now=now,
        digests=" ".join(turn.digest for turn in found.turns),
        models=models,
        rules_only=rules_only,
    )


def _tool(one: Any) -> str:  # noqa: ANN401 - a RanView
    if one.error:
        return _("{tool} would have failed: {kind}").format(tool=one.tool, kind=one.error)
    if one.effect == "write":
        return _("{tool} would have been written").format(tool=one.tool)
    return _("{tool} was asked").format(tool=one.tool)


def _value(raw: str, value: object) -> str:
    """As the caller said it; otherwise as it is."""
    if raw:
        return raw
    return {True: _("yes"), False: _("no")}[value] if isinstance(value, bool) else str(value)


def _asks(last: TurnView | None) -> str:
    return named(last.asks) if last is not None and last.asks and not last.ended else ""
