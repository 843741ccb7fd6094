"""The reply to a model's acts: its words, sentence by sentence, and around them what the script says in its own.

A sentence is said when it holds against the facts; an acknowledgement before its first comma sooner, if it claims nothing. It stands for
the script's acknowledgement or answer, never for a read-back, a ``must_say`` or (but with ``free``) the question. From the first sentence
that does not hold, the script's own words are used.
"""

from __future__ import annotations

import dataclasses
import re

from offhook.core.script.claims import Claims, claims_of
from offhook.core.script.dialogue import Item, Proposal
from offhook.core.script.facts import Facts
from offhook.core.script.model import Script
from offhook.core.script.promises import promised
from offhook.core.script.schema import wording
from offhook.core.script.state import Ask, Note, Say, ScriptState
from offhook.core.speech.normal import clean

MOST_WORDS = 70
"""Words of a model's own in one reply."""
_END = re.compile(r"[.!?\u2026]+[\"')\u201d\u2019\]]*\s")
_FORMING = re.compile(r"\s*((?:[^\W\d_]+(?:['’][^\W\d_]+)?\s+){3})")
"""Words of a sentence that a voice may be given before the others are known, if nobody hears them until then."""
_OPENING = re.compile(r"\s*([^\W\d_]+(?:(?:['’]|\s+)[^\W\d_]+){0,11})\s*[,;]")
MOST_OPENING = 8
"""Words of an opening that says by its first words that it stands for itself; of any other, half as many."""
_ACKNOWLEDGES = re.compile(
    r"(?:(?:oh|ah|okay|ok|right|yes|well|so) )?(?:i(?:'m| am) (?:so |very |really |truly )?(?:sorry|glad|happy|pleased)"
    r"|i (?:see|understand|know)|sorry|thanks|thank you|that(?:'s| is| sounds| must)|it sounds|no (?:problem|worries)|good question"
    r"|of course|you're welcome)\b"
)
# What asks, leads up to something, or is about the caller or us: with nothing after it, it is half a sentence, or another one.
_ASKS = frozenset(
    "what when where who which why how do does did is are can could will would shall may might must should have has had".split()
)
_LEADS_ON = _ASKS | frozenset(
    "if once as because since while after before although though unless until whether depending given regarding for in on at "
    "by with from to about like than and or but not the a an this that these those our your my his her its their i we you he "
    "she it they there one that's it's here's there's we're we've we'd you're you've you'd they're they've i'm i've i'd let's "
    "either neither both".split()
)
_OPEN_ENDED = frozenset(
    "is are was were be been am will can could would shall may might must should have has had do does did not the a an to of for with in "
    "on at by from and or but if when because so as than our your my their its i we you he she it they there who which what very really "
    "also just even only i'm we're you're they're it's that's there's i've we've you've i'd we'd you'd sounds".split()
)
_WILL = re.compile(r"(?:'ll|\bwill|\bshall|\bgoing to|\bgonna|\babout to)\b")
_SHORT = re.compile(r"(?:\b(?:mr|mrs|ms|dr|prof|st|rd|ave|no|vs|etc|e\.g|i\.e|a\.m|p\.m|approx)|\b[a-z])\.\s$", re.IGNORECASE)
_MARKUP = re.compile(r"<[^>]*>|[*_#~`|<>\[\]\\{}]|[\U0001F000-\U0001FAFF\u2600-\u27BF\uFE0F\u200B-\u200F\u202A-\u202E\ufffd]")
_ACKS = frozenset({"unclear", "help", "hold", "misheard", "none", "wait"})
_ORDER = ("exact", "guided", "free")


def stricter(script: Script, before: ScriptState, after: ScriptState) -> str:
    """The stricter of the wordings where the turn begins and where it leads."""
    return min(wording(script, before), wording(script, after), key=_ORDER.index)


class Reply:
    """A proposal's items as they come to be known. ``notes`` say what was withheld, and why."""

    def __init__(self, script: Script, proposal: Proposal, before: ScriptState, known: Facts) -> None:
        self.proposal = proposal
        self.notes: list[Note] = []
        self.asks: str | None = None
        """The slot that the model says its question asks for."""
        self.done = False
        self._script = script
        self._facts = known
        self._wording = stricter(script, before, proposal.after)
        self._text = ""
        self._whole = self._wording == "exact"
        self._words = 0
        self._question = ""
        self._opens = False
        """What is cut off next is an opening."""
        self._before = ""
        """The opening that was let out of the sentence that is being read."""
        self._own: list[Item] = []
        self._instead: list[Item] = []
        self._rest: list[Item] = []
        self._kinds = kinds = {out.item: out.kind for out in proposal.outs if isinstance(out, Say)}
        owed = {each.item for each in before.owed}
        for item in proposal.items:
            may = self._wording != "exact" and item.id not in owed and _replaceable(item.id, kinds.get(item.id, ""), before)
            (self._instead if may else self._rest).append(item)

    @property
    def spoke(self) -> bool:
        """Whether any of the model's own words were let out."""
        return bool(self._own)

    @property
    def pending(self) -> bool:
        """Whether words wait for the end of their sentence."""
        return bool(self._text.strip())

    @property
    def forming(self) -> Item | None:
        """The first words of the reply's first sentence, if they will be said as they are should all of it be. A guess: for a voice that
        nobody hears until that is known.
        """
        match = _FORMING.match(self._text) if not (self.done or self._own or self._question) else None
        if match is None:
            return None
        words = " ".join(match[1].split())
        if words.split()[0].casefold() in _ASKS or clean(words, self._facts.locale) != words or self._facts.against(words):
            return None
        return Item(self._own_id, words)

    @property
    def _own_id(self) -> str:
        return self._instead[0].id if self._instead else ""

    def words(self, text: str, *, whole: bool = False) -> list[Item]:
        """More of the model's words; ``whole``: these were the last. Returns what may be said now."""
        if self.done:
            return []
        if self._wording != "exact":
            self._text += text
        self._whole = self._whole or whole
        spoken: list[Item] = []
        while cut := self._cut():
            sentence, self._text = self._text[:cut], self._text[cut:]
            if not self._sentence(sentence, spoken):
                return [*spoken, *self.end(failed=True)]
        self.proposal.items = self._items()
        return [*spoken, *self.end()] if self._whole else spoken

    def end(self, *, failed: bool = False) -> list[Item]:
        """No more words: the rest of the reply, the script's own."""
        if self.done:
            return []
        self.done = True
        own = claims_of(" ".join(each.text for each in self._own), self._facts.locale)
        tail = [*(item for item in self._instead if not self._covers(own, item, failed)), *self._rest]
        ask = next((out for out in self.proposal.outs if isinstance(out, Ask) and out.text), None)
        if self._question and ask is not None and not failed:
            tail = [Item(ask.item, self._question) if item.id == ask.item else item for item in tail]
            self._reword(ask.item, self._question)
        self.proposal.items = (*self._own, *tail)
        return list(tail)

    def _covers(self, own: Claims, item: Item, failed: bool) -> bool:
        """Whether the model's own words make a text of the script's needless: they say all that it claims, or it claims nothing."""
        wanted = claims_of(item.text, self._facts.locale)
        claims = wanted.numbers | {(each, "") for each in (*wanted.digits, *wanted.contacts, *wanted.days)}
        said = own.numbers | {(each, "") for each in (*own.digits, *own.contacts, *own.days)}
        if not self._own or not claims <= said:
            return False
        # Without claims to go by, what stands for an answer must be of its size at least by half.
        spoken = sum(len(each.text.split()) for each in self._own)
        return bool(claims) or (not failed and (self._kinds.get(item.id) == "ack" or 2 * spoken >= len(item.text.split())))

    def _items(self) -> tuple[Item, ...]:
        """The whole reply as far as it is known."""
        return (*self._own, *(() if self._own else self._instead), *self._rest)

    def _cut(self) -> int:
        """Where the first whole sentence ends, 0 if there is none yet. An opening ("Sure,") is let out by itself, to be heard sooner."""
        opening = _OPENING.match(self._text) if not self._own else None
        self._opens = opening is not None and opens(opening[1], self._facts.locale)
        if opening and self._opens:
            return opening.end()
        for match in _END.finditer(self._text):
            if not _SHORT.search(self._text[: match.end()]):
                return match.end()
        return len(self._text) if self._whole else 0

    def _sentence(self, sentence: str, spoken: list[Item]) -> bool:
        """Say a sentence if it may be said; False if the script's own words have to stand in."""
        words = re.sub(r"\s+(?=[.,;:!?])", "", " ".join(_MARKUP.sub(" ", sentence).split()))
        if not any(each.isalnum() for each in words):
            return True
        if self._question:
            # It was not the last sentence after all.
            self._question = ""
            self.notes.append(Note("say withheld", "question"))
        # With its opening, too, that has been let out: a comma hides nothing.
        why = self._facts.against(words) or (self._facts.against(f"{self._before} {words}") if self._before else "")
        self._before = words if self._opens else ""
        self._words += len(words.split())
        if not why and self._words > MOST_WORDS:
            why = "too long"
        if why:
            self.notes.append(Note("say withheld", why))
            return False
        if "?" in words:
            if self._may_ask():
                self._question = clean(words, self._facts.locale)
            else:
                self.notes.append(Note("say withheld", "question"))
            return True
        item = Item(self._own_id, clean(words, self._facts.locale))
        self._own.append(item)
        spoken.append(item)
        return True

    def _may_ask(self) -> bool:
        """Whether the model may word the open question: ``free``, the first time, no values or options in it, and it names the slot."""
        state = self.proposal.after
        asked = state.open
        return (
            self._wording == "free"
            and asked is not None
            and asked.kind == "ask"
            and asked.upto == 0
            and asked.slot == self.asks
            and self._script.slots[asked.slot].type not in {"offer", "choice"}
            and not state.counters.tries.get(asked.slot)
        )

    def _reword(self, item: str, text: str) -> None:
        """The open question as it was really asked."""
        after = self.proposal.after
        if after.open is not None and after.open.item == item:
            last = tuple(dataclasses.replace(each, text=text) if each.item == item else each for each in after.last)
            self.proposal.after = dataclasses.replace(after, open=dataclasses.replace(after.open, text=text), last=last)


def opens(words: str, locale: str) -> bool:
    """Whether words before a comma may be heard before their sentence is known: an acknowledgement that claims nothing.

    Whatever is withheld after them, the author's words follow on, as they would on an acknowledgement of the author's.
    """
    low = words.casefold().replace("\u2019", "'")
    each = low.split()
    known = bool(_ACKNOWLEDGES.match(low))
    if each[-1] in _OPEN_ENDED or len(each) > (MOST_OPENING if known else MOST_OPENING // 2):
        return False
    if _WILL.search(low) or (not known and each[0] in _LEADS_ON):
        return False
    said = claims_of(words, locale)
    return not (said.numbers or said.digits or said.contacts or said.days or said.charged or promised(words))


def _replaceable(item: str, kind: str, before: ScriptState) -> bool:
    """Acknowledgements and answers. That something is not known is left to the model only where it had a text to read."""
    if kind == "answer":
        return item.startswith(("topic.", "knowledge.")) or (item == "unsure" and bool(before.passages))
    return kind == "ack" and item in _ACKS
