"""Going on: in the current state ask for the first thing missing, run what is due, take the first way on that holds."""

from __future__ import annotations

import dataclasses
from enum import Enum, auto
from typing import Any

from offhook.core.script.model import Slot, State, Tool
from offhook.core.script.secret import Sealed
from offhook.core.script.state import Ask, End, Open, Pending, Run, Transfer, Value, Written
from offhook.core.script.texts import text
from offhook.core.script.values import argument, fingerprint, plain
from offhook.core.script.work import MAX_STACK, Work

INNER_STEPS = 40
VISITS = 6
TRIES = 3
ACKED = {"date", "time", "datetime", "number", "money", "person_name"}


class Got(Enum):
    """How it went with something that is needed."""

    READY = auto()
    STOP = auto()
    MOVED = auto()


def advance(work: Work) -> None:
    """Go on until there is a question, something to wait for, or the end."""
    for _ in range(INNER_STEPS):
        if work.ended or work.ask is not None or work.waiting or work.held or work.transferring:
            return
        if work.visits.get(work.at, 0) > VISITS:
            work.visits.clear()
            give_up(work, "loop")
            continue
        _inner(work)
    if not work.ended:
        give_up(work, "inner steps")
        if work.gave_up and not work.ended:
            end(work, "limit")


def give_up(work: Work, why: str) -> None:
    """A limit was reached: a person, or what stands in for one; the second time an apology and the end."""
    work.note("limit", why)
    work.tries.clear()
    work.unclear = 0
    if work.gave_up or not work.jump("human"):
        end(work, "limit")
        return
    work.gave_up = True


def end(work: Work, outcome: str, words: str | None = None) -> None:
    """The end of the conversation, with the words that go with it."""
    if words is None:
        words = work.default("limit") if outcome == "limit" else ""
    if words:
        work.say("goodbye", words, "goodbye")
    gates(work, "goodbye")
    work.ended = True
    work.open = None
    work.finals.append(End(outcome))


def gates(work: Work, gate: str) -> bool:
    """Queue what must be said before a gate; True if all of it was already heard."""
    clear = True
    for must in work.script.must_say:
        if gate in must.before and must.name not in work.must_heard():
            clear = False
            if must.name not in work.musts:
                work.musts.append(must.name)
    return clear


def _inner(work: Work) -> None:
    visit = work.path[-1]
    state = work.script.states[visit.state]
    gates(work, state.name)
    if not visit.said:
        work.path[-1] = visit = dataclasses.replace(visit, said=True)
        work.say(f"say.{state.name}", state.say, "goodbye" if state.end else "say")
    if state.call and not visit.called:
        work.path[-1] = dataclasses.replace(visit, called=True)
        if len(visit.stack) >= MAX_STACK:
            give_up(work, "call stack")
            return
        work.enter(state.call, (*visit.stack, state.name))
        return
    for name in state.collect:
        if obtain(work, work.script.slots[name]) is not Got.READY:
            return
    if state.do and perform(work, work.script.tools[state.do]) is not Got.READY:
        return
    if state.transfer:
        if not gates(work, state.name):
            work.held = True
            return
        work.transferring = state.name
        work.open = None
        work.finals.append(Transfer(state.transfer, str(work.given.get(state.transfer) or "")))
        return
    leave(work, state)


def leave(work: Work, state: State) -> None:
    """Outcome, then end, return or the first way on that holds."""
    if state.outcome:
        work.outcome = state.outcome
    if state.end is not None:
        end(work, (work.outcome or "enquiry") if state.end == "same" else state.end)
        return
    stack = work.path[-1].stack
    if state.returns and stack:
        work.enter(stack[-1], stack[:-1])
        work.path[-1] = dataclasses.replace(work.path[-1], said=True, called=True)
        return
    for index, line in enumerate(state.next):
        if work.holds(line.when):
            work.way("states", state.name, "next", index)
            work.forget(line.forget)
            if line.forget:
                work.quiet.clear()
            work.enter(line.go, stack)
            return
    give_up(work, f"no way on from {state.name}")


# what is needed


def obtain(work: Work, slot: Slot) -> Got:
    """A slot's value, confirmed as its rule says; READY, or the question is open, or the path has moved."""
    if slot.type == "offer":
        got = fetch(work, work.script.tools[slot.tool])
        if got is not Got.READY:
            return got
        if not work.offers(slot):
            return _empty(work, slot)
    value = work.values.get(slot.name)
    if value is None:
        if work.mode == "keys" and slot.keys == "skip":
            work.values[slot.name] = Value(None, status="confirmed", by="keys", since=len(work.path))
            return Got.READY
        return _open_slot(work, slot)
    if work.policy(slot, value):
        return _too_often(work, slot) or _confirm(work, slot, value)
    if not value.acked:
        work.values[slot.name] = dataclasses.replace(value, acked=True)
        if value.value is not None and value.status != "confirmed" and slot.confirm == "if_unsure" and slot.type in ACKED:
            _acknowledge(work, slot, value)
    return Got.READY


def _acknowledge(work: Work, slot: Slot, value: Value) -> None:
    work.readback = slot.name
    words = work.spoken(slot.name, value.value)
    if words:
        work.say(f"ack.{slot.name}", f"{words[0].upper()}{words[1:]}.", "ack")
        work.valued.add(f"ack.{slot.name}")


def _empty(work: Work, slot: Slot) -> Got:
    work.failures[f"empty.{slot.name}"] = work.failures.get(f"empty.{slot.name}", 0) + 1
    if slot.if_empty is None or work.failures[f"empty.{slot.name}"] > TRIES:
        give_up(work, f"nothing to offer for {slot.name}")
        return Got.MOVED
    work.way("slots", slot.name, "if_empty")
    work.react(f"empty.{slot.name}", slot.if_empty)
    work.results.pop(slot.tool, None)
    return Got.MOVED


def _too_often(work: Work, slot: Slot) -> Got | None:
    if work.tries.get(slot.name, 0) < TRIES:
        return None
    if slot.optional:
        work.values[slot.name] = Value(None, status="confirmed", since=len(work.path))
    else:
        give_up(work, f"no answer to {slot.name}")
    return Got.MOVED


def _open_slot(work: Work, slot: Slot) -> Got:
    stopped = _too_often(work, slot)
    if stopped is not None:
        return stopped
    if slot.guess and slot.name not in work.refused and work.lookup(slot.guess) is not None:
        words, upto, _ = work.render(slot.guess_ask)
        put(work, Open("guess", f"guess.{slot.name}", words, slot.name, upto=upto), "yes_no")
        return Got.STOP
    tries = work.tries.get(slot.name, 0)
    which = min(tries, len(slot.ask) - 1)
    words, upto, _ = work.render(slot.ask[which])
    work.way("slots", slot.name, "ask", which)
    words = work.rephrase.get(slot.name, words)
    hint = "" if slot.name in work.rephrase else _key_hint(work, slot, tries)
    if hint:
        words = f"{hint} {words}" if slot.type != "choice" or work.mode == "voice" else hint
    put(work, Open("ask", f"ask.{slot.name}.{which + 1}", words, slot.name, upto=upto), slot.type)
    return Got.STOP


def _key_hint(work: Work, slot: Slot, tries: int) -> str:
    """Keys are offered after two failures, and always in the mode of keys."""
    if work.mode == "voice":
        if tries < 2:
            return ""
        if slot.secure or slot.type in {"phone", "number", "money", "date", "time"}:
            return text("keys_digits", work.locale)
        if slot.type == "offer":
            return text("keys_offer", work.locale)
    if slot.type == "choice":
        labels = [work.spoken(slot.name, option.name) for option in slot.options]
        return " ".join(text("keys_menu", work.locale).format(label=label, key=key) for key, label in enumerate(labels, 1))
    if slot.type == "offer":
        labels = [str(offer["label"]) for offer in work.offers(slot)]
        return " ".join(text("keys_menu", work.locale).format(label=label, key=key) for key, label in enumerate(labels, 1))
    if slot.type == "yes_no":
        return text("keys_yes_no", work.locale) if work.mode == "keys" or tries >= 2 else ""
    return text("keys_record", work.locale) if work.mode == "keys" and slot.keys == "record" else ""


def _confirm(work: Work, slot: Slot, value: Value) -> Got:
    words = work.spoken(slot.name, value.value)
    words = f"{words[:1].upper()}{words[1:]}."
    work.readback = slot.name
    put(work, Open("confirm", f"confirm.{slot.name}", f"{words} {text('confirm', work.locale)}", slot.name, upto=len(words)), "yes_no")
    return Got.STOP


def put(work: Work, question: Open, kind: str) -> None:
    """Open a question. The same question keeps what was heard of it only if it is said again."""
    work.open = question
    work.ask = Ask(question.item, question.text, question.slot, kind, question.kind)


def fetch(work: Work, tool: Tool) -> Got:
    """A read tool's answer to the arguments as they are now."""
    args = collect(work, tool)
    if isinstance(args, Got):
        return args
    print_ = fingerprint(tool.name, args)
    known = work.results.get(tool.name)
    if known is not None and known.print == print_:
        return Got.READY
    if known is not None:
        work.results.pop(tool.name)
        for slot in work.script.slots.values():
            if slot.tool == tool.name and work.values.pop(slot.name, None) is not None:
                work.void(slot.name)
    _run(work, tool, args, print_)
    return Got.STOP


def collect(work: Work, tool: Tool) -> dict[str, Any] | Got:
    """A tool's arguments; what is missing is asked for or looked up first."""
    args: dict[str, Any] = {}
    for arg in tool.args:
        slot = work.script.slots.get(arg.path)
        head = arg.path.partition(".")[0]
        if slot is not None and not arg.maybe:
            got = obtain(work, slot)
            if got is not Got.READY:
                return got
        elif slot is None and head in work.script.tools and work.script.tools[head].effect == "read" and not arg.maybe:
            got = fetch(work, work.script.tools[head])
            if got is not Got.READY:
                return got
        value = work.lookup(arg.path)
        if value is not None or not arg.maybe:
            args[arg.name] = argument(work.kind(arg.path), value)
    return args


def wanted(work: Work, tool: Tool) -> str:
    """The fingerprint of a tool's arguments as they are known now."""
    known = {arg: work.lookup(arg.path) for arg in tool.args}
    args = {arg.name: argument(work.kind(arg.path), value) for arg, value in known.items() if value is not None or not arg.maybe}
    return fingerprint(tool.name, args)


def look_up(work: Work, tool: Tool) -> bool:
    """Start a read tool that was asked for, with what is known; False if something that it needs is not, or not confirmed."""
    args: dict[str, Any] = {}
    for arg in tool.args:
        value = work.lookup(arg.path)
        known = work.values.get(arg.path)
        if not arg.maybe and (value is None or (known is not None and work.policy(work.script.slots[arg.path], known))):
            return False
        if value is not None:
            args[arg.name] = argument(work.kind(arg.path), value)
    print_ = fingerprint(tool.name, args)
    known_result = work.results.get(tool.name)
    if known_result is None or known_result.print != print_:
        _run(work, tool, args, print_)
    return True


def _run(work: Work, tool: Tool, args: dict[str, Any], print_: str) -> None:
    work.waiting = True
    if any(each.tool == tool.name and each.print == print_ for each in work.pending.values()):
        return
    key = f"{tool.name}:{print_}"
    if tool.effect == "read":
        work.runs += 1
        key = f"{key}:{work.runs}"
    work.pending[key] = Pending(tool.name, print_)
    work.open = None
    sealed = {name: value.token for name, value in args.items() if isinstance(value, Sealed)}
    work.finals.append(Run(tool.name, plain(args), key, tool.effect, tool.timeout_ms, work.render(tool.filler)[0], sealed))


def perform(work: Work, tool: Tool) -> Got:
    """What a state does. A write runs only with the caller's agreement to these very arguments."""
    if tool.effect == "read":
        return fetch(work, tool)
    args = collect(work, tool)
    if isinstance(args, Got):
        return args
    print_ = fingerprint(tool.name, args)
    if tool.name in work.results and work.results[tool.name].print == print_:
        return Got.READY
    clear = gates(work, tool.name)
    if tool.confirm and work.agreed.get(tool.name) != print_:
        tries = work.tries.get(f"agree.{tool.name}", 0)
        if tries >= TRIES:
            give_up(work, f"no agreement to {tool.name}")
            return Got.MOVED
        words, upto, _ = work.render(tool.confirm)
        put(work, Open("agree", f"confirm.{tool.name}", words, tool=tool.name, print=print_, upto=upto), "yes_no")
        return Got.STOP
    if not clear:
        work.held = True
        return Got.STOP
    if not any(each.tool == tool.name and each.print == print_ for each in work.written):
        used = {name: plain(work.value(name)) for name in sorted(arg.path for arg in tool.args if arg.path in work.script.slots)}
        work.written.append(Written(tool.name, print_, used))
    _run(work, tool, args, print_)
    return Got.STOP
