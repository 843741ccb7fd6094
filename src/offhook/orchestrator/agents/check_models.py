"""What is wrong with an agent's voices, models and the lines before its answers. Pure; see ``check``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from offhook.authoring.suggest import suggest
from offhook.errors import Fault
from offhook.orchestrator.agents.config import AgentConfig, FillerLines, ModelRoute, OpenerLines
from offhook.orchestrator.agents.known import Known

OPENER_WORDS: Final = 4
"""An opener that is longer is still being said when the answer is there."""


# voices


def voices(config: AgentConfig, known: Known, advice: list[Fault]) -> Iterator[Fault]:
    """The agent's voice at each of its voice providers."""
    names, own = config.providers.tts, config.providers.voices
    for key in own:
        if key not in names and key not in {_head(name) for name in names}:
            yield Fault(f"providers.voices.{key}", f"'{key}' is not in providers.tts{suggest(key, names)}")
    for index, name in enumerate(names):
        spec = known.spec("tts", name)
        if spec is None:
            continue
        key = name if name in own else _head(name)
        if key in own:
            if spec.voices and own[key] not in spec.voices:
                yield Fault(f"providers.voices.{key}", _no_voice(name, own[key], spec.voices))
        elif spec.voices and config.voice not in spec.voices:
            words = _no_voice(name, config.voice, spec.voices)
            if index == 0:
                yield Fault("voice", words)
            else:
                advice.append(Fault(f"providers.tts.{index}", words))
        elif index == 0 and not spec.voices:
            whose = next((other for other, one in known.providers.get("tts", {}).items() if one and config.voice in one.voices), None)
            if whose is not None:
                yield Fault("voice", f"'{config.voice}' is a voice of '{whose}': name one of '{_head(name)}' here or in providers.voices")
        elif index and not spec.voices:
            words = f"no voice of '{_head(name)}' is named in providers.voices: its account's own is heard, and without one it cannot speak"
            advice.append(Fault(f"providers.tts.{index}", words))


def _head(name: str) -> str:
    return name.partition(":")[0]


def _no_voice(name: str, voice: str, there: Sequence[str]) -> str:
    return f"'{_head(name)}' has no voice '{voice}'{suggest(voice, there)}: it has {', '.join(there[:20])}"


# language models


def models(config: AgentConfig, known: Known, locale: str, advice: list[Fault]) -> Iterator[Fault]:
    """The language models, what they cost, and which of them answers what."""
    chosen = config.providers
    for index, name in enumerate(chosen.llm):
        spec = known.spec("llm", name)
        if spec is not None and spec.settings and ":" not in name:
            advice.append(Fault(f"providers.llm.{index}", f"names no model: a vendor needs one, such as {name}:NAME"))
    for key in chosen.costs:
        if key not in chosen.llm:
            yield Fault(f"providers.costs.{key}", f"'{key}' is not in providers.llm{suggest(key, chosen.llm)}")
    if chosen.routes and not chosen.llm:
        yield Fault("providers.routes", "there is no model in providers.llm to choose from")
        return
    yield from _routes(config, locale, advice)
    stalled = config.turn_plan().stalled_ms
    if chosen.llm and chosen.answer_ms >= stalled:
        words = f"the rules would come too late: after {stalled} ms (stalled_ms) a reply is given up, and the fallback line is said"
        yield Fault("providers.answer_ms", words)


def _routes(config: AgentConfig, locale: str, advice: list[Fault]) -> Iterator[Fault]:
    chosen = config.providers
    states = config.script.get("states")
    names: dict[str, int] = {}
    everything: str | None = None
    for index, route in enumerate(chosen.routes):
        at = f"providers.routes.{index}"
        if route.name in names:
            yield Fault(f"{at}.name", f"providers.routes.{names[route.name]} is called so already")
        names.setdefault(route.name, index)
        for place, name in enumerate(route.prefer):
            if name not in chosen.llm:
                yield Fault(f"{at}.prefer.{place}", f"'{name}' is not in providers.llm{suggest(name, chosen.llm)}")
        for place, state in enumerate(route.states):
            if isinstance(states, Mapping) and state not in states:
                yield Fault(f"{at}.states.{place}", f"no state '{state}' in the script{suggest(state, states)}")
        if 0 < route.most_words < route.least_words:
            yield Fault(f"{at}.most_words", f"fewer than least_words, which is {route.least_words}: it fits no turn")
        if route.ceiling:
            yield from _ceiling(config, at, advice)
        if route.locales and not any(_covers(one, locale) for one in route.locales):
            advice.append(Fault(f"{at}.locales", f"the agent speaks {locale}: it fits no turn"))
        if everything is not None:
            advice.append(Fault(at, f"'{everything}' before it fits every turn: this one never counts"))
        elif _unconditional(route):
            everything = route.name


def _ceiling(config: AgentConfig, at: str, advice: list[Fault]) -> Iterator[Fault]:
    free = [name for name in config.providers.llm if name not in config.providers.costs]
    if len(free) == len(config.providers.llm):
        yield Fault(f"{at}.ceiling", "says nothing without providers.costs")
    else:
        advice.extend(Fault(f"{at}.ceiling", f"'{name}' has no cost in providers.costs: it is never too dear") for name in free)


def _covers(route: str, locale: str) -> bool:
    """As the engine's router has it: ``en`` is all English, ``en-GB`` only that."""
    return route.lower() in {locale.lower(), locale.partition("-")[0].lower()}


def _unconditional(route: ModelRoute) -> bool:
    return not (route.states or route.locales or route.wordings or route.least_words or route.most_words) and route.speculative is None


# what is said before an answer


def bridges(config: AgentConfig, locale: str, advice: list[Fault]) -> Iterator[Fault]:
    """Fillers, and openers if they are on: they say nothing, and ask nothing, since the answer is not there yet."""
    yield from _lines("fillers", config.fillers.lines)
    yield from _lines("openers", config.openers.lines)
    for index, line in enumerate(config.openers.lines):
        if len(line.split()) > OPENER_WORDS:
            yield Fault(f"openers.lines.{index}", f"an opener has at most {OPENER_WORDS} words")
    heard = {
        "fillers": (config.fillers.lines if config.fillers.after_ms else (), FillerLines().lines),
        "openers": (config.openers.lines if config.openers.on else (), OpenerLines().lines),
    }
    for name, (lines, ours) in heard.items():
        if len(lines) == 1:
            advice.append(Fault(f"{name}.lines", "none is said twice running: with a single one most turns have none"))
        if lines == ours and locale.partition("-")[0] != "en":
            advice.append(Fault(f"{name}.lines", f"these are in English, and the agent speaks {locale}"))


def _lines(name: str, lines: Sequence[str]) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for index, line in enumerate(lines):
        at = f"{name}.lines.{index}"
        if any(mark in line for mark in "?？؟"):
            yield Fault(at, "asks something: the answer to the caller comes right after it")
        if any(letter.isdigit() for letter in line):
            yield Fault(at, "tells something: it is said before the answer is known")
        if "{" in line or "}" in line:
            yield Fault(at, "no values are put into it: it is kept as audio")
        if line.casefold() in seen:
            yield Fault(at, f"the same as {name}.lines.{seen[line.casefold()]}")
        seen.setdefault(line.casefold(), index)
