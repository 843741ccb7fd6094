"""What the caller's acts do, in one order whatever order they came in."""

from __future__ import annotations

from offhook.core.script import acts as act
from offhook.core.script.advance import end, give_up, look_up
from offhook.core.script.apply import answer, correct, put_value
from offhook.core.script.knowledge import find
from offhook.core.script.legal import legal
from offhook.core.script.secret import Sealed
from offhook.core.script.state import Refused
from offhook.core.script.texts import text
from offhook.core.script.work import Work

UNCLEAR = 6
TOPIC_ANSWERS = 2


def heed(work: Work, acts: tuple[act.Act, ...], by: str = "voice") -> None:  # noqa: C901 - one flat list of cases
    """Apply acts in the fixed order. ``by``: voice or keys."""
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
            if change.slot in now.slots or (by == "keys" and isinstance(change.value, Sealed)):
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
