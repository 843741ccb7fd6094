"""``step(script, state, event) -> (state, out)``: pure, total, no clock. Acts are applied in one order whatever order they came in."""

from __future__ import annotations

import dataclasses
from typing import Any

from offhook.core.script import acts as act
from offhook.core.script.advance import advance, end, gates, give_up, look_up, wanted
from offhook.core.script.apply import answer, correct, put_value
from offhook.core.script.keys import as_acts
from offhook.core.script.knowledge import find
from offhook.core.script.legal import legal
from offhook.core.script.model import Script as Script
from offhook.core.script.state import (
    Ask as Ask,
)
from offhook.core.script.state import (
    Begin as Begin,
)
from offhook.core.script.state import (
    Emitted,
    Result,
    Visit,
)
from offhook.core.script.state import (
    End as End,
)
from offhook.core.script.state import (
    Hangup as Hangup,
)
from offhook.core.script.state import (
    Keys as Keys,
)
from offhook.core.script.state import (
    Mode as Mode,
)
from offhook.core.script.state import (
    Note as Note,
)
from offhook.core.script.state import (
    Out as Out,
)
from offhook.core.script.state import (
    Refused as Refused,
)
from offhook.core.script.state import (
    Run as Run,
)
from offhook.core.script.state import (
    Say as Say,
)
from offhook.core.script.state import (
    ScriptEvent as ScriptEvent,
)
from offhook.core.script.state import (
    ScriptState as ScriptState,
)
from offhook.core.script.state import (
    Silence as Silence,
)
from offhook.core.script.state import (
    Spoken as Spoken,
)
from offhook.core.script.state import (
    ToolDone as ToolDone,
)
from offhook.core.script.state import (
    Transfer as Transfer,
)
from offhook.core.script.state import (
    Transferred as Transferred,
)
from offhook.core.script.state import (
    Understood as Understood,
)
from offhook.core.script.texts import text
from offhook.core.script.work import Work

TURNS = 60
UNCLEAR = 6
SILENCES = 3
FAILURES = 3
TOPIC_ANSWERS = 2
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
        case Keys(digits):
            work.turns += 1
            work.silences = 0
            _acts(work, as_acts(work, digits), "keys")
        case Understood(acts):
            work.turns += 1
            work.silences = 0
            _acts(work, acts or (act.Unclear(),))
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


# acts


def _acts(work: Work, acts: tuple[act.Act, ...], by: str = "voice") -> None:  # noqa: C901 - one flat list of cases
    """Apply acts in the fixed order."""
    now = legal(work.script, work.state)
    topics = [each for each in acts if isinstance(each, act.Raise)]
    for raised in topics:
        if raised.topic not in now.topics:
            work.outs.append(Refused(raised, "not in scope"))
    first = [each for each in topics if each.topic in now.topics and work.script.topics[each.topic].first]
    away = bool(first) or any(isinstance(each, act.Human) for each in acts)
    before = (dict(work.values), work.at, work.open)
    for change in acts:
        if isinstance(change, act.Correct):
            correct(work, change, now.slots)
    for change in acts:
        if isinstance(change, act.Set):
            if change.slot in now.slots:
                put_value(work, change, by)
            else:
                work.outs.append(Refused(change, "not asked for here"))
    if first:
        _raise(work, first[0].topic)
        return
    if any(isinstance(each, act.Human) for each in acts):
        _human(work)
        return
    if any(isinstance(each, act.Correct | act.Deny | act.Hold) for each in acts):
        # "Yes, but Friday", "yes, hang on": what was read back is not agreed to.
        acts = tuple(each for each in acts if not isinstance(each, act.Affirm))
    changed = (dict(work.values), work.at, work.open) != before
    for each in acts:
        if isinstance(each, act.Affirm | act.Deny | act.Choose | act.NoneOfThese | act.Skip):
            answer(work, each, before[2], changed)
    progress = changed or (dict(work.values), work.at, work.open) != before or bool(work.agreed)
    for raised in topics:
        if raised not in first and raised.topic in now.topics:
            _raise(work, raised.topic)
    for each in acts:
        if isinstance(each, act.Question):
            _question(work, each)
    for each in acts:
        if isinstance(each, act.Use) and not (each.tool in now.tools and look_up(work, work.script.tools[each.tool])):
            work.outs.append(Refused(each, "not in reach"))
    if not away:
        _leaving(work, acts, progress)
    for each in acts:
        _rest(work, each, progress)


def _raise(work: Work, name: str) -> None:
    topic = work.script.topics[name]
    count = work.topics[name] = work.topics.get(name, 0) + 1
    work.way("objections" if topic.objection else "topics", name, *((min(count, len(topic.answers) + 1),) if topic.objection else ()))
    if topic.objection:
        if count <= len(topic.answers):
            work.say(f"topic.{name}.{count}", topic.answers[count - 1], "answer")
        elif topic.go:
            work.enter(topic.go)
        return
    if topic.answers:
        if count > TOPIC_ANSWERS:
            give_up(work, f"topic {name}")
            return
        work.say(f"topic.{name}", topic.answers[0], "answer")
    elif topic.call:
        work.enter(topic.call, (*work.path[-1].stack, work.at))
    elif topic.go and topic.go != work.at:
        work.enter(topic.go)


def _human(work: Work) -> None:
    work.jump("human")


def _question(work: Work, question: act.Question) -> None:
    """From the tenant's own text. Without an answer the call goes on if anything is known of the caller, else where the author says."""
    found = find(question.question, work.state.passages)
    if found is not None:
        work.topics["knowledge"] = work.topics.get("knowledge", 0) + 1
        work.say(f"knowledge.{work.topics['knowledge']}", found, "answer")
        return
    work.note("unanswered", question.question)
    knowledge = work.script.knowledge
    if knowledge is None:
        _unclear(work)
        return
    work.say("unsure", knowledge.unsure, "answer")
    if knowledge.go and not work.values:
        work.enter(knowledge.go)


def _leaving(work: Work, acts: tuple[act.Act, ...], progress: bool) -> None:
    if any(isinstance(each, act.Cancel) for each in acts):
        if work.script.universals.cancel:
            work.jump("cancel")
            work.moved = True
        else:
            end(work, work.outcome or "left_early", text("goodbye", work.locale))
    elif any(isinstance(each, act.Goodbye) for each in acts) and not progress and not work.jump("goodbye"):
        end(work, work.outcome or ("enquiry" if work.topics else "left_early"), text("goodbye", work.locale))


def _rest(work: Work, each: act.Act, progress: bool) -> None:
    match each:
        case act.Repeat():
            for before in work.state.last:
                if before.kind in {"say", "answer", "ack"}:
                    work.say(before.item, before.text, "answer")
        case act.Help():
            work.say("help", work.default("help"), "ack")
        case act.Hold():
            work.say("hold", text("hold", work.locale), "ack")
            work.held = True
        case act.Abuse():
            _abuse(work)
        case act.Unclear():
            if not progress:
                _unclear(work)
        case _:
            pass


def _abuse(work: Work) -> None:
    work.abuse += 1
    if work.abuse >= 3:
        end(work, work.outcome or "left_early", work.default("abuse3"))
        return
    work.say("abuse", work.default(f"abuse{work.abuse}"), "ack")


def _unclear(work: Work) -> None:
    work.unclear += 1
    if work.unclear >= UNCLEAR:
        give_up(work, "unclear")
        return
    if work.open is not None:
        what = work.open.slot or f"{work.open.kind}.{work.open.tool}"
        work.tries[what] = work.tries.get(what, 0) + 1
        if work.open.kind in {"confirm", "guess"} and work.tries[what] >= 2:
            # It was asked twice: take the value as wrong rather than ask for ever.
            if work.open.kind == "guess":
                work.refused.add(what)
            else:
                work.forget((what,))
            work.tries[what] = 1
    work.say("unclear", work.default("unclear"), "ack")


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
