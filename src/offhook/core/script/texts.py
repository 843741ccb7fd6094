"""What is said when the author wrote nothing for it, by language."""

from __future__ import annotations

from collections.abc import Mapping

TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "unclear": "Sorry, I did not get that.",
        "silence": "Are you still there?",
        "help": "You can simply tell me, or ask for a person.",
        "hold": "Of course, take your time.",
        "wait": "One moment, please.",
        "abuse1": "I am trying to help.",
        "abuse2": "Please stay polite, or I will have to end the call.",
        "abuse3": "I am ending the call now. Goodbye.",
        "goodbye": "Thank you. Goodbye.",
        "no_answer": "I cannot hear anybody, so I will hang up. Goodbye.",
        "limit": "I am sorry, I cannot help with this any further. Please ring again later. Goodbye.",
        "confirm": "Is that right?",
        "change": "What shall I change?",
        "needed": "I do need that, I am afraid.",
        "keys_digits": "You can also key it in and press hash.",
        "keys_menu": "For {label} press {key}.",
        "keys_yes_no": "For yes press 1, for no press 2.",
        "keys_record": "Please say it, then press hash.",
        "keys_offer": "You can also press a number.",
        "spell": "Could you spell it for me?",
        "misheard": "Sorry.",
        "all_right": "All right.",
        "or": "or",
        "and": "and",
        "yes": "yes",
        "no": "no",
    },
}


def text(name: str, locale: str) -> str:
    """A default text; English where the language has none (the checks refuse such a script)."""
    return TEXTS.get(locale[:2], TEXTS["en"])[name]


def listed(items: tuple[str, ...], locale: str, word: str = "or") -> str:
    """``a, b or c``."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {text(word, locale)} {items[-1]}"
