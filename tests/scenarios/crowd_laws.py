"""What holds for every random call, and for the same call with speculation and without."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.scenarios.crowd_calls import Played

from offhook.core.speech.backchannel import real_words
from offhook.engine.history import CUT

MUTE = 200
"""Frames: 4 s."""
KNOWN = 15
"""Frames of speech after which the agent must have noticed a caller."""
AGREES = re.compile(r"\b(yes|yeah|okay|right|sure|please)\b|^[\d*#]+$")
GIVES_WAY = 20
"""Frames of speech after which an agent who speaks has stopped."""
FILLERS = ("Let me look.", "One moment.")
"""Of the script's tools."""
REFUSED = {"conflict", "hang", "garbage"}
CONNECTING = 25
"""Frames that a transfer takes."""
ENDING = 3
"""Frames after which the engine knows, at the latest, that an answer was played to its end."""


class LawBroken(AssertionError):
    """A call did what no call may do. ``laws``: the names of those that were broken."""

    def __init__(self, text: str, laws: set[str]) -> None:
        super().__init__(text)
        self.laws = laws

    @classmethod
    def of(cls, call: str, problems: list[tuple[str, str]]) -> LawBroken:
        """What is wrong with a call, by law."""
        return cls(call + "".join(f"\n  {law}: {text}" for law, text in problems), {law for law, _ in problems})


def check(played: Played) -> None:
    """Raise LawBroken with all that is wrong with a call."""
    problems = [*played.problems]
    for law, found in LAWS.items():
        problems += [(law, text) for text in found(played)]
    if problems:
        raise LawBroken.of(where(played), problems)


def where(played: Played) -> str:
    return f"seed {played.seed}, speculation {'on' if played.ahead else 'off'} (python -m tests.scenarios.crowd {played.seed})"


def _utterances(played: Played) -> list[tuple[int, int, list[int]]]:
    """Stretches of the caller's sound: first frame, frame after the last, words."""
    found: list[tuple[int, int, list[int]]] = []
    for at, number in enumerate(played.line.loud):
        if number < 0:
            continue
        if found and found[-1][1] == at:
            begin, _, words = found[-1]
            found[-1] = (begin, at + 1, words if number == 0 or words[-1:] == [number] else [*words, number])
        else:
            found.append((at, at + 1, [number] if number else []))
    return found


def _claims(played: Played) -> dict[int, int]:
    """Frames at which it becomes the agent's turn: the answer, the end of the caller's words, keys, a transfer that failed, a tool's end.
    With the frame in which what claims it began.
    """
    line = played.line
    known = _known(played)
    claims = {0: 0}
    for begin, end, words in _utterances(played):
        text = " ".join(line.lexicon[number] for number in words)
        over = any(line.heard[max(0, begin - 5) : begin + 1])
        # What no recogniser has told, and is short, is a noise to anybody; a nod over the agent wants no answer.
        if words and (known.keys() & set(words) or end - begin >= 50) and not (over and not real_words(text, "en")):
            claims[end] = begin
    others = [*line.pressed, *(at for at in range(1, len(line.tools)) if line.tools[at - 1] and not line.tools[at])]
    if line.refuse_transfer:
        others += [at + CONNECTING for at in line.transfers]
    return {at: at for at in others} | claims


@dataclass(frozen=True)
class Sound:
    """The agent's sound without a pause: first frame, frame after the last; whether it only bridges a silence, and ends with a sentence."""

    begin: int
    end: int
    bridge: bool
    whole: bool


def _sounds(played: Played) -> list[Sound]:
    plan, found = played.call.plan, []
    bridges = {*plan.fillers.lines, *plan.openers.lines, *FILLERS}
    words: list[str] = []
    begin, last = -1, (0, 0)
    for at, code in enumerate([*played.line.sounded, None]):
        if code is not None:
            begin = at if begin < 0 else begin
            if code[0] != last[0] or code[1] < last[1] or not words:
                words.append(played.said[code[0]])
            last = code
        elif begin >= 0:
            whole = last[1] == 15 and words[-1].endswith((".", "?", "!"))
            found.append(Sound(begin, at, " ".join(words) in bridges, whole))
            words, begin, last = [], -1, (0, 0)
    return found


def _mute(played: Played) -> list[str]:
    """No silence of more than 4 s while it is the agent's turn: after a claim, until something was said that is more than a bridge; in the
    middle of a sentence; and while a tool works.
    """
    line, claims = played.line, _claims(played)
    sounds = {sound.end: sound for sound in _sounds(played)}
    due, before, quiet, longest, at_worst = False, False, 0, 0, 0
    for at, (loud, heard) in enumerate(zip(line.loud, line.heard, strict=True)):
        if (sound := sounds.get(at)) is not None:
            over = any(sound.begin <= begin and end <= sound.end for end, begin in claims.items() if begin < end)
            due = (before and sound.bridge) or not sound.whole or over
        due = due or at in claims
        if heard:
            quiet = 0
            continue
        before = due
        if loud >= 0 or at in claims or any(begun <= at < begun + CONNECTING for begun in line.transfers):
            quiet = 0
        elif due or line.tools[at]:
            quiet += 1
            if quiet > longest:
                longest, at_worst = quiet, at
    played.what["longest silence, ms"] = longest * 20
    return [f"the agent is mute for {longest * 0.02:.2f} s until {at_worst * 0.02:.2f} s"] if longest > MUTE else []


def _over(played: Played) -> list[str]:
    """The agent does not begin over a caller who has spoken for 0.3 s, with words that were heard; it stops within 0.4 s."""
    line, problems = played.line, []
    known = _known(played)
    for begin, end, words in _utterances(played):
        text = " ".join(line.lexicon[number] for number in words)
        if any(line.heard[begin + GIVES_WAY : min(end, begin + GIVES_WAY + 10, len(line.heard))]) and any(line.heard[begin - 5 : begin]):
            problems.append(f"the agent goes on over the caller who speaks since {begin * 0.02:.2f} s: {text!r}")
        told = [known[number] for number in words if number in known and real_words(line.lexicon[number], "en")]
        if not told:
            continue
        problems += [
            f"the agent begins at {at * 0.02:.2f} s over the caller who speaks since {begin * 0.02:.2f} s: {text!r}"
            for at in range(max(begin + KNOWN, min(told) + 5), min(end, len(line.heard)))
            if line.heard[at] and not any(line.heard[at - KNOWN : at])
        ]
    return problems


def _known(played: Played) -> dict[int, int]:
    """Words that a recogniser has told the engine, and the frame in which it did so first."""
    known: dict[int, int] = {}
    for number, at in (entry for stt in played.stts for entry in stt.known.items()):
        frame = round((at - played.line.begun) * 50)
        known[number] = min(frame, known.get(number, frame))
    return known


def _effects(played: Played) -> list[str]:
    """Work is done at most once, and only for words of the caller that were used up."""
    problems, told, last = [], "", ""
    tries: Counter[str] = Counter()
    for entry in played.log:
        if entry[0] == "run":
            key, kind = entry[2], played.business.kinds[entry[2]]
            tries[key] += 1
            if tries[key] > (2 if kind in {"500", "no answer"} else 1):
                problems.append(f"{key} was asked for {tries[key]} times")
        match entry:
            case ("caller", text, _):
                told, last = f"{told} {text}", text
                # What was refused may be asked for again, if the caller wants it.
                tries = Counter({key: count for key, count in tries.items() if played.business.kinds[key] not in REFUSED})
            case ("run", "save_message", _, args) if args["note"].lower() not in told.lower():
                problems.append(f"a message was saved with words that the caller's turns do not have: {args['note']!r}")
            case ("run", "book", _, args) if not AGREES.search(last.lower()):
                problems.append(f"{args} was booked when the caller's last turn was {last!r}")
            case _:
                pass
    return problems


def _lost(played: Played) -> list[str]:
    """What a recogniser has told of the caller's words stands in a turn of theirs, the last ones too."""
    line, problems = played.line, []
    known = _known(played)
    told = " ".join(entry[1] for entry in played.log if entry[0] == "caller")
    at = 0
    for begin, _, words in _utterances(played):
        text = " ".join(line.lexicon[number] for number in words if number in known)
        if not real_words(text, "en"):
            continue
        # A recogniser that begins in a word hears that it was one.
        found = re.compile(" ".join(f"(?:{re.escape(word)}|~)" for word in text.split())).search(told, at)
        if found is None:
            problems.append(f"nothing came of what the caller said from {begin * 0.02:.2f} s: {text!r}")
        else:
            at = found.end()
    return problems


def _prompts(played: Played) -> list[str]:
    """A model is never told that the agent said what nobody heard."""
    heard = " ".join(played.said[number] for number, part in played.line.played if part > 0)
    problems = []
    for request in (request for llm in played.llms for request in llm.asked):
        for message in request.messages:
            words = message.text.replace(CUT, "").split() if message.role == "assistant" else []
            text = " ".join(words[:-1] if CUT in message.text else words)
            if text not in heard:
                problems.append(f"the model was told that the agent had said {text!r}")
    return problems[:3]


def _ended(played: Played) -> list[str]:
    """The call's end is told, and the engine's code did not fail."""
    if played.ended is None:
        return ["no call.ended"]
    crashed = [name for name in played.ended.counters if name.startswith("crash")]
    return [f"the engine's code failed: {crashed}"] if crashed else []


LAWS: dict[str, Callable[[Played], list[str]]] = {
    "mute": _mute,
    "over the caller": _over,
    "effects": _effects,
    "prompts": _prompts,
    "lost words": _lost,
    "end": _ended,
}


# -- the same with and without -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Compared:
    """``same``: the whole conversation was the same; else its first ``common`` turns were."""

    same: bool
    common: int
    effects: int


def _turns(played: Played) -> list[tuple[str, str, int]]:
    """The conversation as the script knows it: what the caller said, and which sentences of the agent's were heard to their end. With the
    place in the log.
    """
    bridges = (*played.call.plan.fillers.lines, *played.call.plan.openers.lines, *FILLERS)
    found = []
    for at, entry in enumerate(played.log):
        if entry[0] == "caller":
            found.append(("caller", " ".join(re.findall(r"[\w']+", entry[1].lower())), at))
        elif entry[0] == "agent":
            text = entry[1]
            for line in bridges:
                text = text.replace(line, " ")
            found.append(("agent", " ".join(" ".join(re.findall(r"[^.?!]*[.?!]", text)).split()), at))
    return [turn for turn in found if turn[1]]


def work_of(played: Played) -> dict[tuple[str, str], int]:
    """Work with an effect outside, transfers too, and after how many turns it was begun."""
    places = [at for _, _, at in _turns(played)]
    found: dict[tuple[str, str], int] = {}
    transfers = 0
    for at, entry in enumerate(played.log):
        if entry[0] == "run" and entry[1] != "free_slots":
            found.setdefault((entry[1], entry[2]), sum(place < at for place in places))
        elif entry[0] == "transfer":
            transfers += 1
            found["transfer", f"{entry[1]}, the {transfers}."] = sum(place < at for place in places)
    return found


def _unanswered(played: Played) -> bool:
    """The caller was gone before anything was heard in answer to what they said, or keyed, last."""
    last = max([0, *played.line.pressed, *(end for end, begin in _claims(played).items() if begin < end)])
    gone = played.ended is not None and played.ended.reason == "hangup"
    return gone and not any(sound.begin >= last and not sound.bridge for sound in _sounds(played))


def _cut_off(played: Played) -> bool:
    """The caller was gone within the last frames of what they heard last. All of its words may have been audible; what is done only when it
    has been heard to its end was not begun any more.
    """
    gone = played.ended is not None and played.ended.reason == "hangup" and any(played.line.heard[-ENDING:])
    kind, heard, *_, interrupted = played.log[_turns(played)[-1][2]]
    return gone and kind == "agent" and interrupted and heard.endswith((".", "?", "!"))


def _acts(played: Played, turn: int) -> tuple[dict[str, Any], ...]:
    """What a turn of the caller's was taken for; nothing for the agent's."""
    entry = played.log[_turns(played)[turn][2]]
    return tuple(entry[2]) if entry[0] == "caller" else ()


def _by_chance(on: Played, off: Played, *taken: tuple[dict[str, Any], ...]) -> bool:
    """A turn may have been answered in the one call alone; by a model in the one, in the other by the rules in place of one that failed."""
    return () in taken or any(fault.startswith("llm") for played in (on, off) for fault in played.faults)


def compare(on: Played, off: Played) -> Compared:
    """Raise LawBroken where the same conversation had other effects.

    Speculation changes when a reply is heard, never what a turn is; a caller who speaks at a given moment may so be answering, where they
    were interrupting. Calls are therefore compared for as long as the conversation is the same: the same committed turns of the caller,
    taken for the same, and the same sentences of the agent heard to their end. Whatever was begun up to the first turn that differs is the
    same: tools by key, transfers by target; where no turn differs, the outcome is too. What a caller says last is a turn of theirs, but
    whether it was taken up before they were gone is a matter of time: its work is excused, in calls in which nothing was heard after it. So
    is what follows an answer's end, such as a transfer, in calls whose caller was gone in the last word of it.
    """
    turns_on, turns_off = ([turn[:2] for turn in _turns(played)] for played in (on, off))
    common = 0
    while common < min(len(turns_on), len(turns_off)) and turns_on[common] == turns_off[common]:
        common += 1
    same, problems = turns_on == turns_off, []
    at_end = [played for played, turns in ((on, turns_on), (off, turns_off)) if len(turns) == common]
    if common and any(map(_unanswered if turns_on[common - 1][0] == "caller" else _cut_off, at_end)):
        same, common = False, common - 1
    taken = [(_acts(on, turn), _acts(off, turn)) for turn in range(common)]
    otherwise = next((turn for turn, (one, other) in enumerate(taken) if one != other), None)
    if otherwise is not None and _by_chance(on, off, *taken[otherwise]):
        same, common = False, otherwise
    elif otherwise is not None:
        problems.append(f"{turns_on[otherwise][1]!r} was taken for {taken[otherwise][0]} with speculation, {taken[otherwise][1]} without")
    work_on, work_off = ({work for work, at in work_of(played).items() if same or at <= common} for played in (on, off))
    if work_on != work_off:
        problems.append(f"with speculation {sorted(work_on - work_off)}, without {sorted(work_off - work_on)}")
    outcomes = [played.ended.outcome if played.ended is not None else None for played in (on, off)]
    if same and outcomes[0] != outcomes[1]:
        problems.append(f"the same conversation comes to {outcomes[0]!r} with speculation, to {outcomes[1]!r} without")
    if problems:
        raise LawBroken.of(f"{where(on)}, compared with off", [("same effects", problem) for problem in problems])
    return Compared(same, common, len(work_on))
