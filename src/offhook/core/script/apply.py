"""Values and answers into the state: sets, corrections, yes and no to the open question, choices from what was offered."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from offhook.core.script import acts as act
from offhook.core.script.advance import put
from offhook.core.script.model import Slot
from offhook.core.script.secret import Sealed
from offhook.core.script.state import Open, Refused, Value
from offhook.core.script.texts import text
from offhook.core.script.values import plain, same
from offhook.core.script.work import Work

LONGEST = 300


def put_value(work: Work, change: act.Set, by: str) -> None:
    """A value was given. Another value for a known slot is a correction."""
    slot = work.script.slots[change.slot]
    value = _fitting(work, slot, change.value)
    if value is None:
        work.outs.append(Refused(change, "does not fit"))
        return
    known = work.values.get(slot.name)
    if known is not None and known.value is not None:
        if same(known.value, value):
            if change.sure > known.sure or by == "keys":
                work.values[slot.name] = Value(value, change.raw, change.sure, known.status, by, known.since, known.acked)
            return
        _replace(work, slot, known, Value(value, change.raw, change.sure, by=by, since=known.since))
        return
    if not _passes(work, slot, value):
        return
    work.values[slot.name] = Value(value, change.raw, change.sure, by=by, since=known.since if known else len(work.path))
    work.tries.pop(slot.name, None)
    if known is not None:
        work.void(slot.name)
    _stale_read(work, slot)
    work.visits.clear()
    if slot.resets:
        work.void(slot.name)
    if work.open is not None and work.open.slot == slot.name:
        work.open = None


def _stale_read(work: Work, slot: Slot) -> None:
    """A value that a look-up might have sent (``maybe``) makes its answer stale."""
    for tool in work.script.tools.values():
        if tool.effect == "read" and tool.name in work.results and any(arg.maybe and arg.path == slot.name for arg in tool.args):
            work.void(slot.name)
            return


def _fitting(work: Work, slot: Slot, value: object) -> object:
    """A value that the slot can hold, None otherwise."""
    if value is None or value == "":
        return None
    if slot.secure or isinstance(value, Sealed):
        return value if slot.secure and isinstance(value, Sealed) else None
    if slot.type == "choice":
        return value if any(option.name == value for option in slot.options) else None
    if slot.type == "yes_no":
        return value if isinstance(value, bool) else None
    if slot.type == "offer":
        offered = work.offers(slot)
        wanted = value.get("id") if isinstance(value, Mapping) else value
        return next((each for each in offered if each["id"] == wanted), None)
    if slot.type == "free_text":
        return str(value).strip()[:LONGEST] or None
    return value


def _passes(work: Work, slot: Slot, value: object) -> bool:
    before = work.values.get(slot.name)
    work.values[slot.name] = Value(value)
    failed = next((check for check in slot.check if not work.holds(check.when)), None)
    if before is None:
        work.values.pop(slot.name)
    else:
        work.values[slot.name] = before
    if failed is None:
        return True
    work.way("slots", slot.name, "check", slot.check.index(failed))
    words = work.render(failed.otherwise)[0]
    if words.rstrip().endswith("?"):
        work.rephrase[slot.name] = words
    else:
        work.say(f"check.{slot.name}.{slot.check.index(failed) + 1}", failed.otherwise, "ack")
    work.tries[slot.name] = work.tries.get(slot.name, 0) + 1
    return False


def _replace(work: Work, slot: Slot, known: Value, new: Value) -> None:
    """A correction: what came from the old value is void, and the path is walked again in silence."""
    if not _passes(work, slot, new.value):
        return
    work.way("slots", slot.name, "corrected")
    changed_after = next(
        (each for each in reversed(work.written) if slot.name in each.used and each.used[slot.name] == plain(known.value)),
        None,
    )
    work.values[slot.name] = new
    work.tries.pop(slot.name, None)
    work.visits.clear()
    if changed_after is not None:
        tool = work.script.tools[changed_after.tool]
        work.note("changed after", f"{tool.name}: {slot.name}")
        work.void(slot.name)
        if tool.if_changed and work.at != tool.if_changed:
            work.enter(tool.if_changed)
        return
    work.void(slot.name)
    work.rewind(slot.name, known.since)
    if work.open is not None and work.open.slot == slot.name:
        work.open = None


def correct(work: Work, change: act.Correct, legal: Collection[str]) -> None:
    """A value is put right, or only known to be wrong: then it is asked for again."""
    name = change.slot or (work.open.slot if work.open is not None and work.open.slot else "") or work.readback
    slot = work.script.slots.get(name)
    if slot is None or name not in legal:
        work.outs.append(Refused(change, "nothing to correct"))
        return
    if change.value is not None:
        put_value(work, act.Set(name, change.value, change.raw, change.sure), "voice")
        return
    known = work.values.get(name)
    if known is None:
        return
    work.refused.add(name)
    work.tries[name] = max(1, work.tries.get(name, 0))
    work.rewind(name, known.since)
    tries = work.tries[name]
    work.forget((name,))
    work.tries[name] = tries
    work.say("misheard", text("misheard", work.locale), "ack")


def answer(work: Work, given: act.Act, asked: Open | None, changed: bool) -> None:
    """An answer to the open question, as it was before this turn."""
    if asked is None:
        if not changed:
            work.outs.append(Refused(given, "no open question"))
        return
    slot = work.script.slots.get(asked.slot)
    match given:
        case act.Affirm():
            _affirm(work, given, asked, slot, changed)
        case act.Deny():
            _deny(work, given, asked, slot, changed)
        case act.Choose(n):
            _choose(work, given, slot, n)
        case act.NoneOfThese():
            _none_of_these(work, given, slot)
        case act.Skip():
            _skip(work, given, asked, slot)
        case _:
            pass


def _affirm(work: Work, given: act.Act, asked: Open, slot: Slot | None, changed: bool) -> None:
    if asked.kind == "agree":
        if work.open is None:
            work.outs.append(Refused(given, "something changed"))
        elif not asked.heard:
            work.outs.append(Refused(given, "unheard read-back"))
        elif not _musts_heard(work, asked.tool):
            work.outs.append(Refused(given, "unheard must_say"))
        else:
            work.way("tools", asked.tool, "confirm", "yes")
            work.agreed[asked.tool] = asked.print
            work.visits.clear()
        return
    if slot is None or (changed and slot.name not in work.values):
        return
    known = work.values.get(slot.name)
    if asked.kind == "guess" and known is None and slot.guess:
        work.values[slot.name] = Value(work.lookup(slot.guess), "", 1.0, "confirmed", "given", len(work.path), True)
        work.visits.clear()
        _stale_read(work, slot)
    elif asked.kind == "confirm" and known is not None and not changed:
        if not asked.heard and asked.upto:
            work.outs.append(Refused(given, "unheard read-back"))
            return
        work.values[slot.name] = Value(known.value, known.raw, known.sure, "confirmed", known.by, known.since, True)
        work.visits.clear()
    elif asked.kind == "ask" and slot.type == "yes_no" and known is None:
        put_value(work, act.Set(slot.name, True, "yes"), "voice")
    elif asked.kind == "ask" and slot.type == "offer" and len(work.offers(slot)) == 1:
        _choose(work, given, slot, 1)
    elif asked.kind == "ask" and not changed:
        work.outs.append(Refused(given, "not a yes or no question"))
        work.tries[slot.name] = work.tries.get(slot.name, 0) + 1


def _musts_heard(work: Work, tool: str) -> bool:
    heard = work.must_heard()
    return all(must.name in heard for must in work.script.must_say if tool in must.before)


def _deny(work: Work, given: act.Act, asked: Open, slot: Slot | None, changed: bool) -> None:
    if asked.kind in {"agree", "change"}:
        work.way("tools", asked.tool, "confirm", "no")
        if changed:
            return
        what = f"agree.{asked.tool}"
        work.tries[what] = work.tries.get(what, 0) + 1
        if work.tries[what] <= 2:
            words = text("change", work.locale)
            put(work, Open("change", f"change.{asked.tool}", words, tool=asked.tool), "change")
        elif not work.jump("cancel"):
            work.tries[what] = 9
        return
    if slot is None:
        return
    if asked.kind == "guess":
        work.refused.add(slot.name)
        work.open = None
    elif asked.kind == "confirm":
        if not changed:
            tries = work.tries.get(slot.name, 0) + 1
            work.forget((slot.name,))
            work.tries[slot.name] = tries
            work.say("misheard", text("misheard", work.locale), "ack")
    elif changed:
        return
    elif slot.type == "yes_no":
        put_value(work, act.Set(slot.name, False, "no"), "voice")
    elif slot.type == "offer":
        _none_of_these(work, given, slot)
    elif slot.optional:
        _skip(work, given, asked, slot)
    else:
        work.outs.append(Refused(given, "not a yes or no question"))
        work.tries[slot.name] = work.tries.get(slot.name, 0) + 1


def _choose(work: Work, given: act.Act, slot: Slot | None, n: int) -> None:
    if slot is not None and slot.type == "offer":
        offered: tuple[Any, ...] = work.offers(slot)
    elif slot is not None and slot.type == "choice":
        offered = tuple(option.name for option in slot.options)
    else:
        work.outs.append(Refused(given, "nothing to choose from"))
        return
    if not 1 <= n <= len(offered):
        work.outs.append(Refused(given, "no such number"))
        work.tries[slot.name] = work.tries.get(slot.name, 0) + 1
        return
    put_value(work, act.Set(slot.name, offered[n - 1]), "voice")


def _none_of_these(work: Work, given: act.Act, slot: Slot | None) -> None:
    if slot is None or slot.type != "offer":
        work.outs.append(Refused(given, "nothing was offered"))
        return
    tries = work.tries[slot.name] = work.tries.get(slot.name, 0) + 1
    if slot.if_empty is None:
        return
    work.say("none", text("all_right", work.locale), "ack")
    work.forget(slot.if_empty.forget)
    work.forget((slot.name,))
    work.tries[slot.name] = tries
    if slot.if_empty.go:
        work.enter(slot.if_empty.go)


def _skip(work: Work, given: act.Act, asked: Open, slot: Slot | None) -> None:
    if slot is None or asked.kind not in {"ask", "guess"}:
        work.outs.append(Refused(given, "nothing to skip"))
        return
    if slot.optional:
        work.values[slot.name] = Value(None, status="confirmed", since=len(work.path), acked=True)
        work.visits.clear()
        work.open = None
        return
    work.tries[slot.name] = work.tries.get(slot.name, 0) + 1
    work.say("needed", text("needed", work.locale), "ack")
