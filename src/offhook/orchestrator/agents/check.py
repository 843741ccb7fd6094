"""Everything that is wrong with an agent, at once, each with its path and, in a script's text, its line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from offhook.authoring import check as authoring
from offhook.authoring.suggest import suggest
from offhook.errors import Fault
from offhook.orchestrator.agents import check_extract, check_models, compose, hours, scripts
from offhook.orchestrator.agents.config import DAYS, AgentConfig, FixedLines, Span
from offhook.orchestrator.agents.known import Known
from offhook.orchestrator.agents.presets import EXPLAINED, PLACES
from offhook.orchestrator.numbers import dialling
from offhook.orchestrator.tolls.rules import SAID, Rules
from offhook.orchestrator.vendors.ops import vendor_of
from offhook.orchestrator.vendors.schemas import Place

Path = tuple[str | int, ...]
Lines = Mapping[Path, tuple[str, int]]
GIVEN: Final = frozenset({"open_now", "caller_name", "caller_number", "caller_known", "next_visit", "open_job", "balance"})
"""What a plan may know before the first word, besides the names of transfer targets."""
LIMITS: Final = frozenset({"max_call_ms", "max_turn_ms", "idle_ms", "idle_prompts", "tool_ms"})
WAITS: Final = ("sure_ms", "probable_ms", "likely_ms", "unsure_ms", "incomplete_ms")
SCORES: Final = ("sure", "probable", "likely", "unsure")


@dataclass(frozen=True, slots=True)
class Setting:
    """Where the agent will work."""

    locale: str
    region: str
    known: Known
    own_numbers: frozenset[str] = frozenset()
    """DIDs of the tenant: a call that is put through to one of them would come back."""
    rules: Rules | None = None
    """Where the tenant's calls may go; None if nobody knows."""
    accounts: Mapping[str, Place] | None = None
    """With which vendors the tenant or its reseller has an account; None if nobody knows."""


@dataclass(frozen=True, slots=True)
class Checked:
    """``faults`` keep an agent from being published, ``warnings`` do not."""

    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]


def check(config: AgentConfig, setting: Setting, lines: Lines | None = None) -> Checked:
    """All faults and warnings. ``lines``: the places of the script's fields in its text."""
    found, advice = _script(config, lines or {})
    if not found:
        found = _crossed(config, setting, lines or {}, advice)
        found += _composed(config, lines or {}, {one.path for one in found})
    locale = config.locale or setting.locale
    for part in (
        _hours(config),
        _turn(config),
        _providers(config, setting, advice),
        check_models.voices(config, setting.known, advice),
        check_models.models(config, setting.known, locale, advice),
        check_models.bridges(config, locale, advice),
        _transfer(config, setting),
        check_extract.fields(config, advice),
    ):
        found += part
    return Checked(tuple(found), tuple(advice))


def dotted(path: Iterable[str | int]) -> str:
    """A path as it is shown: ``script.states.greet.say``."""
    return ".".join(str(part) for part in path)


# the script


def _script(config: AgentConfig, lines: Lines) -> tuple[list[Fault], list[Fault]]:
    """Faults and warnings of the script alone."""
    if config.script.get("include"):
        return [_fault(("script", "include"), "a script here is one document: write the included parts out", lines)], []
    found = scripts.faults(config.script, lines)
    return [_of_script(one) for one in found if not one.warning], [_of_script(one) for one in found if one.warning]


def _composed(config: AgentConfig, lines: Lines, told: set[str]) -> Iterator[Fault]:
    """Faults that greeting, disclosure and closing bring into a sound script; fields that have one are left out."""
    for one in scripts.faults(compose.compose(config)):
        where, message = compose.origin(config, one.path), one.message
        if where[0] == "script":  # sound in itself: it is the way into it that is not
            where, message = ("out_of_hours", "entry"), f"the script cannot begin there: {dotted(one.path)}: {message}"
        if not one.warning and dotted(where) not in told:
            yield _fault(where, message, lines)


def _of_script(fault: authoring.Fault) -> Fault:
    return Fault(dotted(("script", *fault.path)), f"{fault.message} ({fault.code})", fault.line or None)


def _fault(path: Path, message: str, lines: Lines) -> Fault:
    """A fault; one in the script has the line of its field, or of the nearest above it."""
    line = None
    if path[0] == "script":
        below = path[1:]
        line = next((lines[below[:end]][1] for end in range(len(below), -1, -1) if below[:end] in lines), None)
    return Fault(dotted(path), message, line)


def _crossed(config: AgentConfig, setting: Setting, lines: Lines, advice: list[Fault]) -> list[Fault]:
    """What the script names, and what it is asked to do, against the rest. The script is sound."""
    script = config.script
    found = [*_targets(config, lines), *_tools(config, setting, lines, advice), *_closed(config)]
    states, given = script["states"], script.get("given") or {}
    if config.recording.record and not compose.told_first(config):
        message = "callers must be told that they are recorded: say it here, or by a must_say of the script before the first question"
        found.append(Fault("recording.disclosure", message))
    if config.out_of_hours.do == "message" and config.out_of_hours.entry not in {*states, None}:
        message = f"no state '{config.out_of_hours.entry}' in the script{suggest(str(config.out_of_hours.entry), states)}"
        found.append(Fault("out_of_hours.entry", message))
    locale = config.locale or setting.locale
    languages = script.get("languages") or ["en-GB"]
    if locale.partition("-")[0] not in {str(one).partition("-")[0] for one in languages}:
        found.append(_fault(("script", "languages"), f"the agent speaks {locale}, the script {', '.join(map(str, languages))}", lines))
    if locale.partition("-")[0] != "en" and config.lines == FixedLines():
        advice.append(Fault("lines", f"these are in English, and the agent speaks {locale}"))
    if given.get("open_now", "yes_no") != "yes_no":
        found.append(_fault(("script", "given", "open_now"), "open_now is a yes_no", lines))
    never = [name for name in given if name not in GIVEN and name not in config.transfer]
    advice.extend(_fault(("script", "given", name), "nothing here ever gives this value: it stays unknown", lines) for name in never)
    return found


def _targets(config: AgentConfig, lines: Lines) -> Iterator[Fault]:
    for name, state in config.script["states"].items():
        target = state.get("transfer")
        if target is not None and target not in config.transfer:
            where = ("script", "states", name, "transfer")
            yield _fault(where, f"no transfer target '{target}'{suggest(target, config.transfer)}", lines)


def _tools(config: AgentConfig, setting: Setting, lines: Lines, advice: list[Fault]) -> Iterator[Fault]:
    written = config.script.get("tools") or {}
    for name, tool in written.items():
        target = config.tools.get(name, name)
        effect = setting.known.tools.get(target)
        if effect is None:
            where: Path = ("tools", name) if name in config.tools else ("script", "tools", name)
            yield _fault(where, f"no tool '{target}' here{suggest(target, setting.known.tools)}", lines)
        elif effect != tool.get("effect"):
            yield _fault(("script", "tools", name, "effect"), f"'{target}' is a {effect}", lines)
    unused = [name for name in config.tools if name not in written]
    advice.extend(Fault(f"tools.{name}", f"the script has no tool '{name}'{suggest(name, written)}") for name in unused)


def _closed(config: AgentConfig) -> Iterator[Fault]:
    closed = config.out_of_hours
    if closed.do == "message" and closed.entry is None:
        yield Fault("out_of_hours.entry", "say in which state of the script a message is taken")
    if closed.do == "say" and not closed.line:
        yield Fault("out_of_hours.line", "say what callers are told")
    if closed.do == "transfer":
        if closed.target is None:
            yield Fault("out_of_hours.target", "say whom callers are put through to")
        elif closed.target not in config.transfer:
            yield Fault("out_of_hours.target", f"no transfer target '{closed.target}'{suggest(closed.target, config.transfer)}")
        elif config.transfer[closed.target].number is None:
            yield Fault("out_of_hours.target", f"'{closed.target}' has no number")
    if closed.do != "answer" and not any(config.hours.spans(day) for day in range(7)) and not any(one.hours for one in config.holidays):
        yield Fault("hours", "there are no opening hours: every call would be out of hours")


# hours


def _hours(config: AgentConfig) -> Iterator[Fault]:
    yield from _week("hours", [config.hours.spans(day) for day in range(7)])
    for name, target in config.transfer.items():
        if target.hours is not None:
            yield from _week(f"transfer.{name}.hours", [target.hours.spans(day) for day in range(7)])
    seen: dict[tuple[Any, ...], int] = {}
    for index, holiday in enumerate(config.holidays):
        at = f"holidays.{index}"
        if holiday.last is not None and holiday.last < holiday.first:
            yield Fault(f"{at}.last", "lies before the first day")
        elif hours.length(holiday) > 366:
            yield Fault(f"{at}.last", "more than a year after the first day")
        key = (holiday.first, holiday.last or holiday.first, holiday.yearly)
        if key in seen:
            yield Fault(at, f"the same days as holidays.{seen[key]}")
        seen.setdefault(key, index)
        for place in hours.overlaps(holiday.hours):
            yield Fault(f"{at}.hours.{place}.opens", "overlaps with other hours of the day")


def _week(at: str, week: list[tuple[Span, ...]]) -> Iterator[Fault]:
    for day, spans in enumerate(week):
        for place in hours.overlaps(spans):
            yield Fault(f"{at}.{DAYS[day]}.{place}.opens", "overlaps with other hours of the day")
        late = hours.spill(week[day - 1])
        for place, span in enumerate(spans):
            if hours.starts(span) < late:
                yield Fault(f"{at}.{DAYS[day]}.{place}.opens", f"overlaps with {DAYS[day - 1]}'s hours, which go on past midnight")


# turn-taking


def _turn(config: AgentConfig) -> Iterator[Fault]:
    own = config.turn.model_dump(exclude={"preset"}, exclude_none=True)
    own |= config.limits.model_dump(exclude_none=True)
    endpointing = own.pop("endpointing")
    parts = {"": own, "endpointing": endpointing, "fillers": config.fillers.model_dump(), "models": config.providers.model_dump()}
    for one in EXPLAINED:
        head, _, leaf = one.path.rpartition(".")
        value = parts[head].get(leaf)
        if value is not None and not one.low <= value <= one.high:
            yield Fault(place(one.path), f"{value} is not within {one.low:g} and {one.high:g}")
    plan = config.turn_plan().endpointing
    for below, above in pairwise(WAITS):
        if getattr(plan, below) > getattr(plan, above):
            wrong = below if below in endpointing else above
            yield Fault(f"turn.endpointing.{wrong}", f"the wait of {below} must not be longer than that of {above}")
    for above, below in pairwise(SCORES):
        if getattr(plan, above) < getattr(plan, below):
            wrong = above if above in endpointing else below
            yield Fault(f"turn.endpointing.{wrong}", f"the score of {above} must not be lower than that of {below}")


def place(value: str) -> str:
    """Where one of the values that are explained stands in an agent's configuration."""
    head, _, leaf = value.rpartition(".")
    if head in PLACES:
        return f"{PLACES[head]}.{leaf}"
    return f"limits.{value}" if value in LIMITS else f"turn.{value}"


# providers, language


def _providers(config: AgentConfig, setting: Setting, advice: list[Fault]) -> Iterator[Fault]:
    locale = config.locale or setting.locale
    chosen: dict[str, tuple[str, ...]] = {
        "stt": config.providers.stt,
        "tts": config.providers.tts,
        "llm": config.providers.llm,
        "vad": (config.providers.vad,),
        "endpoint": (config.providers.endpoint,) if config.providers.endpoint else (),
    }
    for kind, names in chosen.items():
        there = setting.known.providers.get(kind, {})
        for index, name in enumerate(names):
            at = f"providers.{kind}" if kind in {"vad", "endpoint"} else f"providers.{kind}.{index}"
            head = name.partition(":")[0]
            if head.replace("-", "_") not in there:
                there_are = f": there are {', '.join(sorted(there))}" if there else ": there are none here"
                yield Fault(at, f"no {kind} provider is called '{head}'{suggest(head, there) or there_are}")
                continue
            if name in names[:index]:
                yield Fault(at, f"'{name}' is in the list already")
            spec = setting.known.spec(kind, name)
            if spec is None:
                advice.append(Fault(at, f"'{head}' is not installed here"))
                continue
            advice += _account(at, head, spec, setting)
            if kind in {"stt", "tts"} and not _speaks(spec.locales, locale):
                yield Fault(at, f"'{head}' does not know {locale}, only {', '.join(spec.locales)}")


def _account(at: str, head: str, spec: Any, setting: Setting) -> Iterator[Fault]:  # noqa: ANN401 - a provider's spec, which is the engine's
    """Whether calls have an account for a provider. An engine may have one of its own, which nobody here can see."""
    vendor = vendor_of(spec)
    if vendor is None or setting.accounts is None:
        return
    place = setting.accounts.get(vendor)
    if place is None:
        yield Fault(at, f"neither the tenant nor its reseller has an account with {vendor}: calls need one of the engine's own")
    elif place.region and spec.regions and place.region not in spec.regions:
        whose = "the account" if place.own else "the reseller's account"
        yield Fault(at, f"{whose} is in the region {place.region}, and '{head}' is only in {', '.join(spec.regions)}")


def _speaks(locales: Iterable[str], locale: str) -> bool:
    language = locale.partition("-")[0].lower()
    return any(one in {"*", locale} or one.lower() == language or one.partition("-")[0].lower() == language for one in locales)


# transfer


def _transfer(config: AgentConfig, setting: Setting) -> Iterator[Fault]:
    orders: dict[int, str] = {}
    for name, target in config.transfer.items():
        if name in GIVEN:
            yield Fault(f"transfer.{name}", f"'{name}' is the name of something else that a script may know")
        if target.number is not None:
            yield from _dialled(f"transfer.{name}.number", target.number, setting)
        for index, person in enumerate(target.people):
            yield from _dialled(f"transfer.{name}.people.{index}.number", person.number, setting)
            if person.hours is not None:
                yield from _week(f"transfer.{name}.people.{index}.hours", [person.hours.spans(day) for day in range(7)])
        if target.order is not None:
            if target.order in orders:
                yield Fault(f"transfer.{name}.order", f"'{orders[target.order]}' has this place")
            orders.setdefault(target.order, name)


def _dialled(path: str, given: str, setting: Setting) -> Iterator[Fault]:
    """Whether a person can be rung there."""
    try:
        number = dialling.target(given, setting.region)
    except ValueError as error:
        yield Fault(path, str(error))
        return
    if number in setting.own_numbers:
        yield Fault(path, "a number of your own here: the call would come back")
    elif setting.rules is not None and (why := setting.rules.why_not(number)) is not None:
        yield Fault(path, SAID[why])
