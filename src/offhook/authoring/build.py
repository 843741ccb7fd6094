"""From the document to the core's values: every shorthand is written out here."""
# ruff: noqa: ANN401 - documents are plain data of any shape

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from offhook.contracts.script import (
    BUILT_IN_OUTCOMES,
    DEFAULT_CONFIRM,
    DEFAULT_KEYS,
    LineDoc,
    ReactionDoc,
    ScriptDoc,
    SlotDoc,
    ToolDoc,
    VariantDoc,
)
from offhook.core.script import expr as conditions
from offhook.core.script.model import (
    Argument,
    Check,
    Hole,
    Knowledge,
    Line,
    MustSay,
    Option,
    Reaction,
    Say,
    Script,
    Slot,
    State,
    Template,
    Tool,
    Topic,
    Universals,
    Variant,
)

HOLE = re.compile(r"\{([a-z_][\w.]*)(?::([\w-]+))?\}")


def template(text: str) -> Template:
    """A text cut at its holes."""
    parts: list[str | Hole] = []
    at = 0
    for match in HOLE.finditer(text):
        if match.start() > at:
            parts.append(text[at : match.start()])
        parts.append(Hole(match[1], match[2] or ""))
        at = match.end()
    if at < len(text):
        parts.append(text[at:])
    return tuple(parts)


class Builder:
    """Builds a Script from a document that has passed the checks of form; raises ExprError on a condition that cannot be read."""

    def __init__(self, doc: ScriptDoc, digest: str) -> None:
        self.doc = doc
        self.digest = digest
        self._options = {
            **{name: frozenset(slot.options) for name, slot in doc.slots.items()},
        }

    def script(self) -> Script:
        """The whole script."""
        doc = self.doc
        return Script(
            id=doc.id,
            version=doc.version,
            hash=self.digest,
            title=doc.title or doc.id,
            languages=tuple(doc.languages),
            wording=doc.wording,
            persona=doc.persona,
            never=tuple(doc.never),
            start=doc.start,
            given=dict(doc.given),
            must_say=tuple(
                MustSay(name, self.say(each.text), (each.before,) if isinstance(each.before, str) else tuple(each.before))
                for name, each in doc.must_say.items()
            ),
            knowledge=Knowledge(self.say(doc.knowledge.unsure), doc.knowledge.go) if doc.knowledge else None,
            slots={name: self._slot(name, slot) for name, slot in doc.slots.items()},
            tools={name: self._tool(name, tool) for name, tool in doc.tools.items()},
            topics=self._topics(),
            universals=self._universals(),
            states=self._states(),
            outcomes={**BUILT_IN_OUTCOMES, **doc.outcomes},
        )

    def expr(self, text: str | bool | None) -> conditions.Expr | None:
        """A condition, its bare words resolved."""
        if text is None:
            return None
        found = conditions.parse(("yes" if text else "no") if isinstance(text, bool) else text)
        return conditions.bind(found, self.is_name, self.options_of)

    def is_name(self, word: str) -> bool:
        """Whether a bare word is a slot or a given value."""
        return word in self.doc.slots or word in self.doc.given

    def options_of(self, path: str) -> frozenset[str]:
        """The options of a slot, none for other names."""
        return self._options.get(path, frozenset())

    def say(self, text: Any) -> Say:
        """A text in any of its forms."""
        if text is None:
            return ()
        if isinstance(text, list):
            return tuple(Variant(self.expr(each.if_), self.words(each.text)) for each in text if isinstance(each, VariantDoc))
        return (Variant(None, self.words(text)),)

    def words(self, text: str | Mapping[str, str]) -> dict[str, Template]:
        """A text by language."""
        if isinstance(text, str):
            return {self.doc.languages[0]: template(text)}
        return {language: template(each) for language, each in text.items()}

    def lines(self, doc: str | list[LineDoc] | None) -> tuple[Line, ...]:
        """A target, or lines read from the top."""
        if doc is None:
            return ()
        if isinstance(doc, str):
            return (Line(None, doc),)
        return tuple(Line(self.expr(each.if_), each.go, tuple(each.forget)) for each in doc)

    def reaction(self, doc: ReactionDoc) -> Reaction:
        """What a failure leads to."""
        return Reaction(self.say(doc.say), tuple(doc.forget), doc.go)

    def _slot(self, name: str, doc: SlotDoc) -> Slot:
        plain = isinstance(doc.ask, str | dict) or (doc.ask and isinstance(doc.ask[0], VariantDoc))
        return Slot(
            name=name,
            type=doc.type,
            ask=(self.say(doc.ask),) if plain else tuple(self.say(each) for each in doc.ask),
            confirm=doc.confirm or ("never" if doc.secure else DEFAULT_CONFIRM[doc.type]),
            options=tuple(
                Option(key, self._label(key, each.label), tuple(phrase.casefold() for phrase in each.says))
                for key, each in doc.options.items()
            ),
            check=tuple(Check(self._condition(each.if_), self.say(each.else_)) for each in doc.check),
            optional=doc.optional,
            guess=doc.guess,
            guess_ask=self.say(doc.guess_ask),
            resets=tuple(doc.resets),
            keys=doc.keys or ("digits" if doc.secure else DEFAULT_KEYS.get(doc.type)),
            source=doc.from_,
            if_empty=self.reaction(doc.if_empty) if doc.if_empty else None,
            pattern=doc.pattern or "",
            spoken=doc.spoken,
            says=tuple(phrase.casefold() for phrase in doc.says),
            secure=doc.secure,
        )

    def _condition(self, text: str | bool) -> conditions.Expr:
        found = self.expr(text)
        if found is None:
            raise conditions.ExprError("a condition is missing", 1)
        return found

    def _label(self, key: str, label: str | Mapping[str, str] | None) -> dict[str, str]:
        if label is None:
            return {self.doc.languages[0]: key.replace("_", " ")}
        return {self.doc.languages[0]: label} if isinstance(label, str) else dict(label)

    def _tool(self, name: str, doc: ToolDoc) -> Tool:
        return Tool(
            name=name,
            effect=doc.effect,
            args=tuple(Argument(key, path.removeprefix("maybe ").strip(), path.startswith("maybe ")) for key, path in doc.with_.items()),
            gives=dict(doc.gives),
            confirm=() if doc.confirm == "none" else self.say(doc.confirm),
            because=doc.because or "",
            timeout_ms=round(doc.timeout * 1000),
            filler=self.say(doc.filler),
            if_fails={kind: self.reaction(each) for kind, each in doc.if_fails.items()},
            if_changed=doc.if_changed,
        )

    def _topics(self) -> dict[str, Topic]:
        found = {
            name: Topic(
                name,
                each.hint,
                tuple(phrase.casefold() for phrase in each.says),
                (self.say(each.answer),) if each.answer is not None else (),
                each.call,
                each.go,
                each.first,
                tuple(each.from_),
            )
            for name, each in self.doc.topics.items()
        }
        for name, objection in self.doc.objections.items():
            found[name] = Topic(
                name,
                objection.hint,
                tuple(phrase.casefold() for phrase in objection.says),
                tuple(self.say(each) for each in objection.answers),
                go=objection.then,
                first=objection.first,
                scope=tuple(objection.from_),
                objection=True,
            )
        return found

    def _universals(self) -> Universals:
        doc = self.doc.universals
        texts: dict[str, Say] = {}
        for name in ("repeat", "help", "silence", "unclear"):
            text = getattr(doc, name)
            if text is not None:
                texts[name] = self.say(text)
        for count, text in enumerate(doc.abuse or [], 1):
            texts[f"abuse{count}"] = self.say(text)
        return Universals(self.lines(doc.human), self.lines(doc.cancel), self.lines(doc.goodbye), texts)

    def _states(self) -> dict[str, State]:
        return {
            name: State(
                name=name,
                goal=each.goal,
                say=self.say(each.say),
                call=each.call,
                collect=tuple(each.collect),
                also=tuple(each.also),
                do=each.do,
                transfer=each.transfer,
                if_fails=each.if_fails,
                outcome=each.outcome,
                next=self.lines(each.next),
                returns=each.return_,
                end=each.end,
                wording=each.wording or self.doc.wording,
            )
            for name, each in self.doc.states.items()
        }
