"""The structured result of a call, from what the script collected and what the call did. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

from offhook.contracts.analysis import CallResult, Contact

Success = Literal["good", "neutral", "bad"]
_BUILT_IN: Final[dict[str, Success]] = {"left_early": "bad", "no_answer": "bad", "enquiry": "neutral", "limit": "bad", "failed": "bad"}
_CONTACT: Final = ("name", "phone", "email", "address", "postcode")
_TIMES: Final = ("day", "visit", "survey", "time", "preferred_time", "call_at")


def value_text(value: Any) -> str | None:  # noqa: ANN401 - any slot value
    """A slot's value in words; None for nothing."""
    if isinstance(value, Mapping):
        if "value" in value:
            return value_text(value["value"])
        if "given" in value or "family" in value:
            return " ".join(str(value[part]) for part in ("given", "family") if value.get(part)) or None
        if "lines" in value or "postcode" in value:
            lines = value.get("lines") or []
            parts = [*(lines if isinstance(lines, list | tuple) else [lines]), value.get("postcode")]
            return ", ".join(str(part) for part in parts if part) or value_text(value.get("text"))
        for name in ("label", "text", "date", "id"):
            if value.get(name):
                return str(value[name])
        return None
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def make_result(
    script: Mapping[str, Any], ended: Mapping[str, Any] | None, caller: str, appointments: Sequence[datetime], lead_status: str | None
) -> CallResult:
    """The result of a call whose ``call.ended`` is this (None if it never came)."""
    ended = ended or {}
    slots = {str(name): text for name, value in (ended.get("slots") or {}).items() if (text := value_text(value))}
    outcome = str(ended.get("outcome") or "left_early")
    choices = [name for name, spec in (script.get("slots") or {}).items() if isinstance(spec, Mapping) and spec.get("type") == "choice"]
    intent = next((slots[name] for name in choices[:1] if name in slots), "enquiry")
    contact = Contact(name=slots.get("name"), phone=slots.get("phone") or caller or None, email=slots.get("email"), address=_address(slots))
    success = _success(script, outcome)
    return CallResult(
        intent=intent,
        job_type=slots.get("job_type") or slots.get("job"),
        problem=slots.get("problem") or slots.get("note"),
        urgency=slots.get("urgency"),
        contact=contact,
        preferred_times=tuple(slots[name] for name in _TIMES if name in slots),
        appointment=appointments[0] if appointments else None,
        outcome=outcome,
        success=success,
        summary=summary_of(outcome, intent, contact, slots.get("problem", slots.get("note", "")), lead_status, reason_of(ended)),
        facts={name: text for name, text in slots.items() if name not in _CONTACT},
    )


def amended(result: CallResult, corrections: Mapping[str, str]) -> CallResult:
    """The result with what people have put right. An empty correction takes a value away."""
    if not corrections:
        return result
    told = {name: value or None for name, value in corrections.items()}
    contact = result.contact.model_copy(update={name: told[name] for name in Contact.model_fields if name in told})
    facts = {name: told.get(name, value) for name, value in result.facts.items()}
    facts |= {name: value for name, value in told.items() if name not in Contact.model_fields}
    fields: dict[str, Any] = {name: told[name] for name in ("job_type", "problem", "urgency") if name in told}
    kept = {name: value for name, value in facts.items() if value is not None}
    shown = {path: one for path, one in result.evidence.items() if path.rpartition(".")[2] not in told}
    return result.model_copy(update={**fields, "contact": contact, "facts": kept, "evidence": shown})


def _address(slots: Mapping[str, str]) -> str | None:
    return slots.get("address") or slots.get("postcode")


def _success(script: Mapping[str, Any], outcome: str) -> Success:
    named = (script.get("outcomes") or {}).get(outcome)
    found: Success | None = next((one for one in ("good", "neutral", "bad") if one == named), None)
    return found or _BUILT_IN.get(outcome, "neutral")


def reason_of(ended: Mapping[str, Any] | None) -> str:
    """Why a call ended, by its ``call.ended``."""
    return str((ended or {}).get("reason") or "unknown")


def summary_of(outcome: str, intent: str, contact: Contact, problem: str | None, lead_status: str | None, reason: str) -> str:
    """One or two plain sentences."""
    who = contact.name or contact.phone or "Somebody"
    wanted = {"enquiry": "rang with a question"}.get(intent, f"rang about {intent.replace('_', ' ')}")
    told = (problem or "").rstrip(" .")
    about = f": {told}" if told else ""
    end = {"hangup": "The caller hung up.", "failed": "The call failed on our side.", "idle": "The caller fell silent."}.get(reason, "")
    status = f" The lead is {lead_status}." if lead_status else ""
    return f"{who} {wanted}{about}. Outcome: {outcome.replace('_', ' ')}.{status} {end}".strip()
