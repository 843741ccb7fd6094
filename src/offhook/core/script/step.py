"""``step(script, state, event) -> (state, out)``: pure, total, no clock. Acts are applied in one order whatever order they came in."""

from __future__ import annotations

import dataclasses
from typing import Any

from offhook.core.script import acts as act
from offhook.core.script.advance import advance, end, gates, give_up, wanted
from offhook.core.script.apply import put_value
from offhook.core.script.heed import heed
from offhook.core.script.keys import as_acts
from offhook.core.script.model import Script
from offhook.core.script.state import (
    Ask,
    Begin,
    Emitted,
    End,
    Hangup,
    Keys,
    Mode,
    Note,
    Out,
    Refused,
    Result,
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
    Visit,
)
from offhook.core.script.texts import text
from offhook.core.script.work import Work

__all__ = [
    "Ask",
    "Begin",
    "End",
    "Hangup",
    "Keys",
    "Mode",
    "Note",
    "Out",
    "Refused",
    "Run",
    "Say",
    "Script",
    "ScriptEvent",
    "ScriptState",
    "Silence",
    "Spoken",
    "ToolDone",
    "Transfer",
    "Transferred",
    "Understood",
    "debug",
    "initial",
    "reopen",
    "step",
]

TURNS = 60
SILENCES = 3
FAILURES = 3
FLOOR = 3
"""From this time on a text that must be heard keeps the floor."""


def initial(script: Script) -> ScriptState:
    """The state before Begin."""
    return ScriptState(path=(Visit(script.start),))


def step(script: Script, state: ScriptState, event: ScriptEvent) -> tuple[ScriptState, tuple[Out, ...]]:  # noqa: C901 - one flat list of cases
    """One event. Never raises; after the end nothing counts but what was heard of the reply that ended it, in case the caller goes on."""
    if state.ended:
        return (_heard_last(script, state, event) if isinstance(event, Spoken) else state), ()
    work = Work(script, state)
    match event:
        case Begin(given, context, passages):
            work.state = dataclasses.replace(state, context=context, passages=passages)
            work.given = dict(given)
            work.visits[work.at] = 1
        case Spoken():
            return _spoken(work, event)
        case Mode(mode):
            work.mode = mode
        case Hangup():
            return _hangup(work)
        case ToolDone():
            if not _tool_done(work, event):
                return work.freeze(state.last), tuple(work.outs)
        case Transferred(ok):
            if not _transferred(work, ok):
                return state, tuple(work.outs)
        case Silence():
            _silence(work)
        case Keys(digits, sealed):
            work.turns += 1
            work.silences = 0
            heed(work, as_acts(work, digits, sealed), "keys")
        case Understood(acts):
            work.turns += 1
            work.silences = 0
            heed(work, acts or (act.Unclear(),))
    if work.turns > TURNS + 10 and not work.ended:
        end(work, "limit")
    elif work.turns > TURNS and not work.gave_up and not work.ended:
        give_up(work, "turns")
    if not work.ended and not (work.held and isinstance(event, Understood)):
        work.held = False
        advance(work)
    return _compose(work, reply=not isinstance(event, ToolDone))


def reopen(script: Script, before: ScriptState, ended: ScriptState) -> ScriptState:
    """The conversation as the caller finds it who speaks on after its end: over the goodbye, or before the line is cleared.

    It is where it was ``before`` the reply that ended it, with all that has become known since. Only the answer to a question that chose
    the way to the end ("anything else?") is open again, or every word that follows would lead to the goodbye.
    """
    here = len(before.path)
    values = {name: dataclasses.replace(value, since=min(value.since, here)) for name, value in ended.values.items()}
    slot = script.slots.get(before.open.slot) if before.open is not None else None
    if slot is not None and slot.type in {"yes_no", "choice"} and slot.name not in before.values:
        values.pop(slot.name, None)
    return dataclasses.replace(ended, path=before.path, values=values, open=before.open, transferring="", ended=False)


# events


def _spoken(work: Work, event: Spoken) -> tuple[ScriptState, tuple[Out, ...]]:
    """The ledger: what was not heard was not said."""
    found = next((each for each in work.state.last if each.item == event.item), None)
    if found is None:
        return work.freeze(work.state.last), ()
    if found.kind == "must":
        name = found.item.removeprefix("must.")
        if event.whole:
            work.must[name] = -1
            if not work.state.open and not work.pending and not work.transferring:
                # A gate may have waited for this text alone.
                advance(work)
                if work.finals or work.ask or work.says or work.acks:
                    return _compose(work, reply=False)
        else:
            work.way("must_say", name, "cut")
    elif found.kind in {"answer", "say", "goodbye", "ack"}:
        if event.whole:
            work.said[found.item] = found.text
        elif (found.kind == "answer" or found.valued) and not any(each.item == found.item for each in work.owed):
            work.owed.append(found)
    if work.open is not None and work.open.item == event.item:
        heard = event.whole or len(event.heard.rstrip()) >= work.open.upto > 0
        work.open = dataclasses.replace(work.open, heard=heard)
    return work.freeze(work.state.last), tuple(work.outs)


def _heard_last(script: Script, state: ScriptState, event: Spoken) -> ScriptState:
    """Of the reply that ended the conversation what was heard whole need not be said again; a goodbye that was cut off is not taken up."""
    work = Work(script, state)
    found = next((each for each in state.last if each.item == event.item), None)
    if found is None or not event.whole:
        return state
    if found.kind == "must":
        work.must[found.item.removeprefix("must.")] = -1
    else:
        work.said[found.item] = found.text
    return work.freeze(state.last)


def _hangup(work: Work) -> tuple[ScriptState, tuple[Out, ...]]:
    heard = work.must_heard()
    for must in work.script.must_say:
        if must.name in work.must and must.name not in heard:
            work.note("disclosure", f"unheard {must.name}")
    work.ended = True
    outcome = work.outcome or ("enquiry" if any(name for name in work.topics) else "left_early")
    work.outs.append(End(outcome))
    work.open = None
    return work.freeze(()), tuple(work.outs)


def _tool_done(work: Work, event: ToolDone) -> bool:
    waited = work.pending.pop(event.key, None)
    if waited is None:
        work.note("stale result", event.key)
        return False
    tool = work.script.tools[waited.tool]
    kept = work.results.get(tool.name)
    if kept is not None and kept.print != waited.print and kept.print == wanted(work, tool):
        # The caller has said something else since, and the answer to that was here first: it counts, or its work would be begun again.
        work.note("stale result", event.key)
        return False
    if event.error is None:
        work.results[tool.name] = Result(waited.print, dict(event.values))
        work.failures.pop(tool.name, None)
        return True
    kind = event.error if event.error in tool.if_fails else "else"
    work.note("tool failed", f"{tool.name} {event.error}")
    work.failures[tool.name] = work.failures.get(tool.name, 0) + 1
    work.agreed.pop(tool.name, None)
    if event.error in {"conflict", "rejected"}:
        work.written = [each for each in work.written if not (each.tool == tool.name and each.print == waited.print)]
    work.way("tools", tool.name, "if_fails", kind)
    reaction = tool.if_fails.get(kind)
    if reaction is None or work.failures[tool.name] >= FAILURES:
        if reaction is not None:
            work.say(f"fails.{tool.name}.{kind}", reaction.say, "ack")
        give_up(work, f"{tool.name} failed")
        return True
    work.react(f"fails.{tool.name}.{kind}", reaction)
    return True


def _transferred(work: Work, ok: bool) -> bool:
    state = work.script.states.get(work.transferring)
    if state is None:
        work.note("stale result", "transfer")
        return False
    work.transferring = ""
    if ok:
        end(work, (work.outcome or "enquiry") if state.end in {None, "same"} else str(state.end))
    elif state.if_fails:
        work.enter(state.if_fails)
    else:
        give_up(work, "transfer failed")
    return True


def _silence(work: Work) -> None:
    work.silences += 1
    if work.mode == "keys" and _recorded(work):
        return
    if work.silences >= SILENCES:
        end(work, work.outcome or "no_answer", text("no_answer", work.locale))
        return
    if work.state.open is not None or not work.state.last:
        work.say("silence", work.default("silence"), "ack")


def _recorded(work: Work) -> bool:
    slot = work.script.slots.get(work.open.slot) if work.open is not None and work.open.kind == "ask" else None
    if slot is None or slot.keys != "record":
        return False
    put_value(work, act.Set(slot.name, "(recorded)", "(recorded)"), "keys")
    return True


# the reply


def _compose(work: Work, *, reply: bool) -> tuple[ScriptState, tuple[Out, ...]]:
    """One reply: acknowledgements and answers, what is owed, what must be said, the state's texts, one question."""
    if work.ask is not None:
        gates(work, "first question")
    owed = [Say(each.item, each.text, each.kind) for each in work.owed if not any(s.item == each.item for s in (*work.acks, *work.says))]
    work.owed.clear()
    says = [*work.acks, *owed, *work.says]
    ending = [each for each in says if each.kind == "goodbye"]
    early = [name for name in work.musts if _before(work, name) != ("first question",)]
    late = [name for name in work.musts if name not in early]
    said: list[Out] = [
        *sorted(work.acks, key=lambda each: each.kind == "answer"),
        *owed,
        *(_must(work, name) for name in early),
        *(each for each in work.says if each.kind != "goodbye"),
        *(_must(work, name) for name in late),
        *ending,
    ]
    if work.ask is not None:
        said.append(work.ask)
    elif not said and reply and not any(isinstance(each, Run | Transfer | End) for each in work.finals):
        said.append(Say("wait", text("wait", work.locale), "ack"))
    last = tuple(
        Emitted(each.item, each.text, each.kind if isinstance(each, Say) else "question", each.item in work.valued)
        for each in said
        if isinstance(each, Say | Ask)
    )
    if work.open is not None and work.ask is None and not work.held:
        work.open = None
    outs: tuple[Out, ...] = (*work.outs, *said, *work.finals)
    return work.freeze(last or work.state.last), outs


def _before(work: Work, name: str) -> tuple[str, ...]:
    return next(each.before for each in work.script.must_say if each.name == name)


def _must(work: Work, name: str) -> Say:
    must = next(each for each in work.script.must_say if each.name == name)
    times = work.must.get(name, 0) + 1
    work.must[name] = times
    return Say(f"must.{name}", work.render(must.text)[0], "must", keep=times >= FLOOR)


def debug(state: ScriptState) -> dict[str, Any]:
    """A state for people: where it is and what it knows."""
    return {
        "at": state.at,
        "values": {name: each.raw or each.value for name, each in state.values.items()},
        "open": state.open.item if state.open else None,
        "outcome": state.outcome,
    }
