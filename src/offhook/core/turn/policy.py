"""The per-agent numbers of turn-taking, in nanoseconds. Made from the plan's TurnPlan, which explains each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from offhook.core.time import Duration, ms
from offhook.errors import ConfigError

CERTAIN = 0.92
"""From this score on words answer all that was asked: of the recorded pauses in the middle of turns none came after such words."""


@dataclass(frozen=True, slots=True)
class Endpointing:
    """Waits by completeness: from score ``sure`` on wait ``sure_ms`` (five eighths of it from ``CERTAIN`` on), and so on down to
    ``incomplete_ms``.
    """

    sure_ms: Duration = ms(260)
    probable_ms: Duration = ms(480)
    likely_ms: Duration = ms(700)
    unsure_ms: Duration = ms(1_150)
    incomplete_ms: Duration = ms(2_000)
    utterance_end_ms: Duration = ms(1_000)
    vendor_ms: Duration = ms(1_200)
    """Where the recogniser decides on turns: how long, at least, its end is waited for."""
    sure: float = 0.85
    probable: float = 0.75
    likely: float = 0.6
    unsure: float = 0.3
    eager: float = 0.6

    def wait(self, score: float) -> Duration:
        """How long after the caller's last speech the shift is sure."""
        if score >= self.sure:
            return self.sure_ms * 5 // 8 if score >= CERTAIN else self.sure_ms
        if score >= self.probable:
            return self.probable_ms
        if score >= self.likely:
            return self.likely_ms
        return self.unsure_ms if score >= self.unsure else self.incomplete_ms


@dataclass(frozen=True, slots=True)
class TurnPolicy:
    """All of turn-taking's numbers. Names end in ``_ms`` as in the plan; the values here are durations."""

    endpointing: Endpointing = Endpointing()
    confirm_ms: Duration = ms(600)
    confirm_words: int = 2
    resume_ms: Duration = ms(350)
    stalled_ms: Duration = ms(2_800)
    idle_ms: Duration = ms(7_000)
    idle_prompts: int = 2
    tool_ms: Duration = ms(8_000)
    max_call_ms: Duration = ms(1_800_000)
    max_turn_ms: Duration = ms(60_000)
    keys_ms: Duration = ms(1_500)
    """After the last key."""
    hidden_keys_ms: Duration = ms(4_000)
    """After the last of keys that are hidden: they are read off a card, in groups."""
    transfer_ms: Duration = ms(100_000)
    """Longer than whoever rings people takes for it: their word comes first."""
    closing_ms: Duration = ms(30_000)
    """A goodbye that is not heard by then is not waited for."""
    final_ms: Duration = ms(1_500)
    """How long a shift waits for the words of the last stretch of speech."""
    words_ms: Duration = ms(3_000)
    """How long a turn of which there are no words yet waits for the recogniser to say what it was, or that it was nothing."""
    behind_ms: Duration = ms(2_000)
    """How long a shift waits, from when a recogniser was lost and again from when another came, for words that none has told; ``words_ms``
    after the caller stopped at most.
    """
    noise_ms: Duration = ms(1_000)
    """Speech without words that lasted this long is answered with the fallback line; a shorter one is a noise."""
    answer_ms: Duration = ms(600)
    """A backchannel over the last of a reply, so much or less of it, is the caller's answer: people do not wait for the last syllable."""
    ahead: bool = True
    """Replies are prepared, muted, before it is sure that the caller's turn is over."""
    vendor_ends: bool = False
    """The recogniser decides on turns: the engine's own waits count only when its end does not come."""
    locale: str = "en"

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> TurnPolicy:
        """From the plan's values, in milliseconds. Raises ConfigError naming an unknown one."""
        policy = cls()
        for name, value in _flat(values):
            policy = replace_path(policy, name, value)
        return policy


def _flat(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat.extend((f"{name}.{inner}", one) for inner, one in value.items())
        else:
            flat.append((name, value))
    return flat


def replace_path(policy: TurnPolicy, path: str, value: Any) -> TurnPolicy:  # noqa: ANN401
    """The policy with one value changed, such as ``endpointing.sure_ms`` to 400. Raises ConfigError naming the path."""
    head, _, rest = path.partition(".")
    owner: TurnPolicy | Endpointing = policy.endpointing if head == "endpointing" and rest else policy
    name = rest or head
    if name == "endpointing" or name not in {field.name for field in fields(owner)}:
        there = ", ".join(sorted(field.name for field in fields(owner)))
        raise ConfigError(f"the turn policy has no {path!r}; there are: {there}")
    old = getattr(owner, name)
    try:
        new = ms(float(value)) if name.endswith("_ms") else type(old)(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ConfigError(f"turn policy {path!r}: {value!r} is not a number") from error
    if not isinstance(new, str) and not 0 <= new < float("inf"):
        raise ConfigError(f"turn policy {path!r}: {value!r} is not a number from 0 on")
    change: dict[str, Any] = {name: new}
    if isinstance(owner, Endpointing):
        return replace(policy, endpointing=replace(owner, **change))
    return replace(policy, **change)
