"""The result of a call: what the script confirmed, then what was read and can be shown. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from offhook.contracts.analysis import CallResult, Evidence
from offhook.orchestrator.calls.results import reason_of, summary_of, value_text
from offhook.orchestrator.extraction.port import Draft

OPEN: Final[Mapping[str, str | None]] = {"intent": "enquiry", "job_type": None, "problem": None, "urgency": None, "sentiment": None}
"""What may be read, and what it is as long as the script did not say."""
_TELLING: Final = frozenset({"set", "correct"})
_QUOTE: Final = 300
_SLOTS: Final[Mapping[str, tuple[str, ...]]] = {
    "job_type": ("job_type", "job"),
    "problem": ("problem", "note"),
    "urgency": ("urgency",),
    "contact.address": ("address", "postcode"),
    "contact.name": ("name",),
    "contact.phone": ("phone",),
    "contact.email": ("email",),
}
"""Which of the script's slots fill a value of the result, the first that is there."""


def settle(
    base: CallResult,
    script: Mapping[str, Any],
    events: Sequence[Mapping[str, Any]],
    draft: Draft,
    *,
    lead: str | None = None,
    by: Literal["rules", "model"] = "rules",
    model: str = "",
    fallback: str = "",
) -> CallResult:
    """``base`` is what the script and the deeds of the call say, and wins; what is read fills what is left open."""
    slots = _slots(events)
    shown = confirmed(base, script, slots, events)
    fields: dict[str, Any] = {}
    evidence = dict(shown)
    contact: dict[str, Any] = {}
    facts = dict(base.facts)
    times: list[str] = []
    for path, one in draft.values.items():
        head, _, name = path.partition(".")
        if path in shown or one.value in {None, ""}:
            continue
        if head == "contact" and (getattr(base.contact, name) is None or (name == "phone" and "phone" not in slots)):
            contact[name] = one.value
        elif head == "facts" and facts.get(name) in {None, ""}:
            facts[name] = one.value
        elif head == "preferred_times" and not base.preferred_times:
            evidence[f"preferred_times.{len(times)}"] = one.evidence
            times.append(str(one.value))
            continue
        elif head in OPEN and getattr(base, head) == OPEN[head]:
            fields[head] = one.value
        else:
            continue
        evidence[path] = one.evidence
    if base.contact.phone and "contact.phone" not in evidence:
        evidence["contact.phone"] = Evidence(by="script")
    if times:
        fields["preferred_times"] = tuple(times)
    told = {"contact": base.contact.model_copy(update=contact), "facts": facts, "evidence": evidence}
    made = base.model_copy(update={**fields, **told, "by": by, "model": model, "fallback": fallback})
    own = summary_of(made.outcome, made.intent, made.contact, made.problem, lead, reason_of(_ended(events)))
    return made.model_copy(update={"summary": draft.summary or own})


def confirmed(
    base: CallResult, script: Mapping[str, Any], slots: Mapping[str, Any], events: Sequence[Mapping[str, Any]]
) -> dict[str, Evidence]:
    """Evidence of what the script asked for, by place in the result."""
    found: dict[str, Evidence] = {}
    for path, names in _SLOTS.items():
        name = next((one for one in names if one in slots), None)
        if name is not None:
            found[path] = of_slot(name, events)
    choice = next(
        (name for name, spec in (script.get("slots") or {}).items() if isinstance(spec, Mapping) and spec.get("type") == "choice"), None
    )
    if choice is not None and choice in slots:
        found["intent"] = of_slot(choice, events)
    for name in base.facts:
        found[f"facts.{name}"] = of_slot(name, events)
    for place, text in enumerate(base.preferred_times):
        name = next((one for one, value in slots.items() if value == text), None)
        found[f"preferred_times.{place}"] = of_slot(name, events) if name else Evidence(by="script")
    return found


def of_slot(name: str, events: Sequence[Mapping[str, Any]]) -> Evidence:
    """The turn in which a slot was filled last; without one it was known before, or keyed in."""
    for event in reversed(events):
        if event["type"] == "turn.caller" and any(
            act.get("act") in _TELLING and act.get("slot") == name for act in event.get("acts") or ()
        ):
            quote = " ".join(str(event.get("text", "")).split())[:_QUOTE]
            return Evidence(by="script", turn=event["turn"], speaker="caller", at_ms=event["start_ms"], quote=quote)
    return Evidence(by="script")


def _slots(events: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    ended = _ended(events) or {}
    return {str(name): text for name, value in (ended.get("slots") or {}).items() if (text := value_text(value))}


def _ended(events: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return next((event for event in events if event["type"] == "call.ended"), None)
