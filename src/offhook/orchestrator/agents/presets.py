"""Turn-taking by use case, and what every value of it does: what raising and lowering it costs. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from offhook.contracts.plan import TurnPlan

PresetName = Literal["receptionist", "booking_confirmation", "intake_by_dictation", "fast_answers", "careful", "noisy_line"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """One value: what it does, and what it costs to move it. ``unit`` is ms, words, times, score (0 to 1) or switch (off is 0, on is 1)."""

    path: str
    unit: Literal["ms", "words", "times", "score", "switch"]
    does: str
    higher: str
    lower: str
    low: float
    high: float
    """The range in which it makes sense; values outside are refused."""


@dataclass(frozen=True, slots=True)
class Preset:
    """Values for a use case, as they differ from a plan's own."""

    name: PresetName
    title: str
    use: str
    why: str
    values: Mapping[str, Any]
    endpointing: Mapping[str, Any]


PRESETS: Final[Mapping[PresetName, Preset]] = {
    one.name: one
    for one in (
        Preset(
            "receptionist",
            "Receptionist",
            "A front desk: callers say why they ring, in their own words, and then answer questions.",
            "The middle of everything: quick after a plain answer, patient with a sentence that is not finished.",
            {},
            {},
        ),
        Preset(
            "booking_confirmation",
            "Booking and confirmation",
            "Short questions with short answers: days, times, yes and no.",
            "A yes or a day is complete as soon as it is said, so the agent goes on at once. A question that gets no answer is asked again"
            " sooner, and look-ups in a diary get more time.",
            {"idle_ms": 6_000, "tool_ms": 10_000, "max_turn_ms": 30_000},
            {"sure_ms": 220, "probable_ms": 400, "likely_ms": 600, "unsure_ms": 1_000, "incomplete_ms": 1_800, "utterance_end_ms": 900},
        ),
        Preset(
            "intake_by_dictation",
            "Intake by dictation",
            "Names, addresses, numbers and long stories, often read from paper, with pauses in the middle.",
            "A pause while somebody looks for a number must not cost them the floor: the waits are long, and a reply is prepared only when"
            " it is nearly sure to be wanted.",
            {"confirm_ms": 700, "idle_ms": 12_000, "max_turn_ms": 120_000, "max_call_ms": 2_700_000},
            {
                "sure_ms": 500,
                "probable_ms": 900,
                "likely_ms": 1_400,
                "unsure_ms": 2_200,
                "incomplete_ms": 3_500,
                "utterance_end_ms": 1_800,
                "sure": 0.9,
                "probable": 0.8,
                "likely": 0.65,
                "eager": 0.75,
            },
        ),
        Preset(
            "fast_answers",
            "Fast answers",
            "Questions and answers: opening times, prices, where something is.",
            "Speed is worth more than the odd word cut off, because a caller who was cut off just goes on speaking and is heard.",
            {"confirm_ms": 450, "resume_ms": 250, "idle_ms": 6_000, "max_call_ms": 900_000, "max_turn_ms": 30_000},
            {
                "sure_ms": 180,
                "probable_ms": 320,
                "likely_ms": 500,
                "unsure_ms": 850,
                "incomplete_ms": 1_500,
                "utterance_end_ms": 800,
                "eager": 0.5,
            },
        ),
        Preset(
            "careful",
            "Careful and unhurried",
            "Callers who are old, ill, upset, or speak in a language that is not their own.",
            "Nobody is hurried: longer waits, more patience with silence, and a cough does not stop the agent in the middle of a sentence.",
            {"confirm_ms": 900, "resume_ms": 500, "idle_ms": 15_000, "idle_prompts": 3, "max_turn_ms": 120_000, "max_call_ms": 3_600_000},
            {
                "sure_ms": 600,
                "probable_ms": 950,
                "likely_ms": 1_300,
                "unsure_ms": 1_900,
                "incomplete_ms": 3_000,
                "utterance_end_ms": 1_600,
                "eager": 0.7,
            },
        ),
        Preset(
            "noisy_line",
            "Noisy places",
            "Callers in cars, on building sites and in workshops, on loudspeakers.",
            "Noise looks like speech: it takes longer and more words to interrupt the agent, and it goes on sooner after a bang.",
            {"confirm_ms": 1_000, "confirm_words": 3, "resume_ms": 250, "idle_ms": 9_000, "max_turn_ms": 30_000},
            {"sure_ms": 350, "probable_ms": 600, "likely_ms": 850, "unsure_ms": 1_300, "utterance_end_ms": 1_200, "eager": 0.7},
        ),
    )
}


def turn_plan(preset: PresetName, values: Mapping[str, Any], endpointing: Mapping[str, Any]) -> TurnPlan:
    """The preset's numbers with those that differ."""
    base = PRESETS[preset]
    return TurnPlan.model_validate({**base.values, **values, "endpointing": {**base.endpointing, **endpointing}})


EXPLAINED: Final[tuple[Explanation, ...]] = (
    Explanation(
        "endpointing.sure_ms",
        "ms",
        "How long the agent waits after the last sound when the words are surely complete, such as a plain yes.",
        "Every short answer is followed by a longer pause; the agent seems slow.",
        "Callers who only took a breath are cut off after a word that could have been an answer.",
        60,
        5_000,
    ),
    Explanation(
        "endpointing.probable_ms",
        "ms",
        "How long it waits when the words are probably complete.",
        "Ordinary answers are followed by a longer pause.",
        "More sentences are cut off before their last part.",
        60,
        6_000,
    ),
    Explanation(
        "endpointing.likely_ms",
        "ms",
        "How long it waits when the words are more likely complete than not.",
        "Open questions feel slow.",
        "Stories are cut off at their commas.",
        60,
        8_000,
    ),
    Explanation(
        "endpointing.unsure_ms",
        "ms",
        "How long it waits when it cannot tell whether the caller has finished.",
        "A silence of this length after everything unusual.",
        "Callers who think aloud lose the floor.",
        60,
        10_000,
    ),
    Explanation(
        "endpointing.incomplete_ms",
        "ms",
        "How long it waits when the words are clearly unfinished: 'my number is', half an address.",
        "Who really stops there waits that long for help.",
        "Numbers and addresses are cut off while the caller reads them out.",
        60,
        15_000,
    ),
    Explanation(
        "endpointing.utterance_end_ms",
        "ms",
        "How long it waits after speech for which no words have arrived at all.",
        "A slow speech service is given more time; noise holds the line longer.",
        "Words that come late are answered as if nothing had been said.",
        60,
        10_000,
    ),
    Explanation(
        "endpointing.vendor_ms",
        "ms",
        "With a speech service that decides itself when a caller has finished: how long its decision is waited for, at least. 0: it is not"
        " asked, and the waits above count.",
        "A service that is slow to decide, or never does, leaves a longer silence.",
        "The service's decision often comes too late to count, and pauses in a sentence are taken for its end.",
        0,
        10_000,
    ),
    Explanation(
        "endpointing.sure",
        "score",
        "From this score of completeness on, the short wait of 'sure' applies.",
        "Fewer answers count as sure: slower, and fewer cut off.",
        "More answers count as sure: quicker, and more cut off.",
        0.5,
        1,
    ),
    Explanation(
        "endpointing.probable",
        "score",
        "From this score on, the wait of 'probable' applies.",
        "Slower on ordinary answers, fewer cut off.",
        "Quicker on ordinary answers, more cut off.",
        0.3,
        1,
    ),
    Explanation(
        "endpointing.likely",
        "score",
        "From this score on, the wait of 'likely' applies.",
        "Slower on open answers, fewer cut off.",
        "Quicker on open answers, more cut off.",
        0.2,
        1,
    ),
    Explanation(
        "endpointing.unsure",
        "score",
        "From this score on, the wait of 'unsure' applies; below it the words count as unfinished.",
        "More counts as unfinished and gets the longest wait.",
        "Unfinished sentences get the shorter wait and are cut off.",
        0,
        0.9,
    ),
    Explanation(
        "endpointing.eager",
        "score",
        "From this score on the reply is prepared in silence, before it is sure that the caller has finished.",
        "Less work for nothing; replies begin later.",
        "Replies begin sooner; more replies are prepared and thrown away, which costs computing and model usage.",
        0,
        1,
    ),
    Explanation(
        "confirm_ms",
        "ms",
        "Speech over the agent that lasts this long takes the floor, whatever its words.",
        "Callers must talk longer to interrupt; coughs and radios stop the agent less often.",
        "The agent stops at every sound.",
        100,
        5_000,
    ),
    Explanation(
        "confirm_words",
        "words",
        "So many words over the agent take the floor at once; 'mm-hm' and the like do not count.",
        "A short 'no, wait' has to last longer to be heard.",
        "With one, a word from the next room stops the agent.",
        1,
        10,
    ),
    Explanation(
        "resume_ms",
        "ms",
        "After a short sound over the agent, how long it waits for words before it goes on speaking.",
        "Longer holes in the agent's sentences after every noise.",
        "It talks over callers whose words come late.",
        50,
        3_000,
    ),
    Explanation(
        "stalled_ms",
        "ms",
        "A reply that makes no progress for this long is given up, and the fallback line is said.",
        "Callers listen to silence for longer when a service hangs.",
        "Services that are merely slow are given up on.",
        500,
        20_000,
    ),
    Explanation(
        "ahead",
        "switch",
        "Replies are prepared in silence before it is sure that the caller has finished, and said at once when it is.",
        "Replies begin sooner; those that are prepared and thrown away cost computing and model usage.",
        "Every reply begins later, by what the model and the voice take; nothing is paid for in vain.",
        0,
        1,
    ),
    Explanation(
        "idle_ms",
        "ms",
        "Silence on both sides before the agent asks whether the caller is still there.",
        "Calls with nobody on the line stay open longer and cost more.",
        "Callers who look something up are pestered.",
        1_000,
        120_000,
    ),
    Explanation(
        "idle_prompts",
        "times",
        "After so many questions without an answer the agent says goodbye.",
        "Empty calls last longer.",
        "With none, the first long silence ends the call.",
        0,
        5,
    ),
    Explanation(
        "tool_ms",
        "ms",
        "A diary or other system that has not answered by then counts as failed.",
        "Callers wait longer for a system that will not answer.",
        "Slow systems fail although they would have answered.",
        500,
        60_000,
    ),
    Explanation(
        "max_call_ms",
        "ms",
        "The longest a call may last.",
        "A call that goes round in circles costs more before it ends.",
        "Long but honest calls are ended with an apology.",
        10_000,
        14_400_000,
    ),
    Explanation(
        "max_turn_ms",
        "ms",
        "A caller who speaks without a pause for this long is answered all the same.",
        "A radio in the background holds the line longer.",
        "Long stories are interrupted.",
        1_000,
        600_000,
    ),
    Explanation(
        "fillers.after_ms",
        "ms",
        "An answer that is not audible so long after the caller's turn is bridged by a filler such as 'One moment.' 0: none ever is.",
        "Callers listen to silence for longer before they hear that somebody is at work.",
        "Answers that were about to come get a filler before them, and take longer for it.",
        0,
        10_000,
    ),
    Explanation(
        "fillers.tool_ms",
        "ms",
        "A diary or other system that takes longer has the filler said that the script has for it.",
        "Longer silences while something is looked up.",
        "The filler is said although the answer would have been there with its first word.",
        0,
        10_000,
    ),
    Explanation(
        "models.answer_ms",
        "ms",
        "A language model that has given nothing to say by then has its turn taken by the script's own rules.",
        "Callers wait longer for a model that hangs.",
        "Models that are merely slow are hardly ever heard, and are paid for all the same.",
        300,
        10_000,
    ),
)
"""Every value of a TurnPlan, once; then those of a CallPlan that are numbers of the same kind. Where each stands in an agent: ``field``."""
PLACES: Final = {"fillers": "fillers", "models": "providers"}
"""Where parts of a CallPlan stand in an agent's configuration."""
