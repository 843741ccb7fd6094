"""What a business learned in a call: each value with the moment at which it was said, or with where it came from. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from offhook.contracts.analysis import CallResult
from offhook.orchestrator.calls.results import value_text
from offhook.orchestrator.portal.show import Local, _

_LABELS: Final = {
    "need": "Wants",
    "problem": "Problem",
    "job": "Job",
    "job_type": "Job",
    "urgency": "Urgency",
    "name": "Name",
    "phone": "Phone",
    "email": "Mail address",
    "address": "Address",
    "postcode": "Postcode",
    "day": "Day",
    "visit": "Visit",
    "note": "Message",
}
_CONTACT: Final = ("name", "phone", "email", "address")
_READ: Final = ("job_type", "problem", "urgency")
"""What may have been read where the script did not ask."""
_FROM: Final = {"caller_name": "People", "caller_number": "Caller ID"}
"""Where a value came from that the caller only agreed to, by what the script guesses it from."""
_TELLING: Final = frozenset({"set", "correct"})


@dataclass(frozen=True, slots=True)
class Known:
    """A value. ``at`` is when it was said, in seconds; without one ``source`` may say where it came from."""

    name: str
    label: str
    value: str
    raw: str
    """As it is stored, to be edited."""
    at: float | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Learned:
    """All values, and the labels of what the call did not come to."""

    known: tuple[Known, ...]
    missing: tuple[str, ...]


def label(name: str) -> str:
    """Of a slot."""
    return _(_LABELS[name]) if name in _LABELS else name.replace("_", " ").capitalize()


def learned(
    result: CallResult, script: Mapping[str, Any], turns: Sequence[Mapping[str, Any]], path: Sequence[str], caller: str, local: Local
) -> Learned:
    """What the result of a call holds, in the order in which the script asks for it."""
    specs: Mapping[str, Any] = script.get("slots") or {}
    values = {name: value for name in _CONTACT if (value := getattr(result.contact, name))}
    values |= {name: found for name in _READ if name in result.evidence and (found := getattr(result, name))}
    values |= {name: text for name, value in result.facts.items() if (text := value_text(value))}
    order = {name: at for at, name in enumerate(specs)}
    used = _used(script)
    said = (_shown_at(result) if any("text" in turn for turn in turns) else {}) | _said_at(turns)
    known = tuple(
        _known(name, values[name], specs.get(name), said.get(name), caller, local)
        for name in sorted(values, key=lambda one: order.get(one, len(order)))
        if name in used or _type(specs.get(name)) != "yes_no"
    )
    missing = tuple(label(name) for name in _wanted(script, path) if name not in values and name in used)
    return Learned(known, missing)


def _type(spec: Any) -> str:  # noqa: ANN401 - of a script
    return str(spec.get("type", "")) if isinstance(spec, Mapping) else ""


def _used(script: Mapping[str, Any]) -> set[str]:
    """Slots that some tool of the script takes: what the business wants to know, and not only what steers the call."""
    found: set[str] = set()
    for tool in (script.get("tools") or {}).values():
        for given in (tool.get("with") or {}).values() if isinstance(tool, Mapping) else ():
            found.add(str(given).removeprefix("maybe ").partition(".")[0])
    return found


def _wanted(script: Mapping[str, Any], path: Sequence[str]) -> list[str]:
    """Slots that the states which the call came through collect."""
    states, specs = script.get("states") or {}, script.get("slots") or {}
    found: dict[str, None] = {}
    for name in path:
        state = states.get(name)
        for slot in state.get("collect") or () if isinstance(state, Mapping) else ():
            spec = specs.get(slot)
            if not (isinstance(spec, Mapping) and spec.get("optional")):
                found[str(slot)] = None
    return list(found)


def _said_at(turns: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """When each slot was last told, in seconds."""
    found: dict[str, float] = {}
    for turn in turns:
        if turn["type"] == "turn.caller":
            for act in turn.get("acts") or ():
                if act.get("act") in _TELLING and act.get("slot"):
                    found[str(act["slot"])] = turn["start_ms"] / 1000
    return found


def _shown_at(result: CallResult) -> dict[str, float]:
    """When each value was said that was read off the call's words, in seconds."""
    return {path.rpartition(".")[2]: one.at_ms / 1000 for path, one in result.evidence.items() if one.at_ms is not None}


def _known(name: str, value: str, spec: Any, at: float | None, caller: str, local: Local) -> Known:  # noqa: ANN401 - of a script
    guess = spec.get("guess") if isinstance(spec, Mapping) else None
    if name == "phone" and value == caller:
        guess = "caller_number"
    elif guess == "caller_number" and value != caller:  # said or keyed in the call
        guess = None
    source = _(_FROM[guess]) if isinstance(guess, str) and guess in _FROM else ""
    return Known(name, label(name), _shown(name, value, spec, local), value, at, source)


def _shown(name: str, value: str, spec: Any, local: Local) -> str:  # noqa: ANN401 - of a script
    if name == "phone":
        return local.phone(value)
    if _type(spec) == "choice":
        options = spec.get("options")
        option = options.get(value) if isinstance(options, Mapping) else None
        named = option.get("label") if isinstance(option, Mapping) else None
        value = str(named or value.replace("_", " "))
    return value[:1].upper() + value[1:]
