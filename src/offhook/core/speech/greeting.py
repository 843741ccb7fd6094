"""What answering machines say, in the words of a recogniser. Pure.

Only what hardly anybody says who has just picked up a telephone: "would you like to leave a message?" is a person's question. Every
language is looked for in every call, since a greeting is in the language of whoever is rung.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_SHORT: Final = r"(?:\w+ ){0,4}"
PHRASES: Final[dict[str, tuple[str, ...]]] = {
    "en": (
        r"(?:after|at|following) the (?:tone|beep|signal)",
        rf"(?:please|kindly) leave {_SHORT}(?:message|name|number)",
        r"leave (?:me|us) a (?:\w+ ){0,2}message",
        r"record your message",
        r"(?:reached|forwarded to|this is) (?:\w+ ){0,5}(?:voice ?mail|mailbox|answering (?:machine|service)|answerphone|voice message)",
        r"(?:mailbox|voice ?mail) (?:is|of|box is|belonging)",
        r"(?:can ?not|can ?t|could ?n ?t|could not|(?:un|not )able to) (?:take|answer|get to|come to) (?:your|the|my) (?:call|phone)",
        r"(?:person|party|customer|subscriber|number) you (?:are|have|re|ve) (?:\w+ ){1,4}(?:is|are) (?:\w+ )?(?:not |un)available",
        r"not available to take your call",
        r"get back to you as soon as",
    ),
    "de": (
        r"nach dem (?:signal ?ton|ton|piep\w*|pfeif\w*|signal)",
        rf"hinterlass\w* (?:sie )?(?:mir |uns |bitte ){{0,2}}{_SHORT}nachricht",
        r"(?:mailbox|sprachbox|anrufbeantworter) (?:von|der|des|ist)",
        r"(?:zur ?zeit|momentan|derzeit|im moment|leider) (?:\w+ ){0,2}nicht (?:erreichbar|zu erreichen|verfugbar)",
    ),
    "fr": (
        r"apres le (?:bip|signal|top)",
        rf"laissez? (?:moi |nous )?(?:un|votre|vos) {_SHORT}(?:message|coordonnees)",
        r"(?:messagerie vocale|boite vocale|repondeur) (?:de|du|d)",
        r"bien sur la (?:messagerie|boite vocale)",
    ),
    "es": (
        r"despues (?:de la senal|del tono|de oir|del pitido)",
        r"dej[ea](?:nos|me)? (?:su|un|tu) mensaje",
        r"buzon de voz|contestador automatico",
        r"no (?:puedo|podemos) atender",
    ),
    "it": (
        r"dopo il (?:segnale|bip|tono)",
        r"lasci\w* (?:un|il suo|il vostro|il tuo) messaggio",
        r"segreteria telefonica|casella vocale",
    ),
    "nl": (
        r"na de (?:piep\w*|toon|pieptoon)",
        r"(?:spreek|laat) (?:een|uw|je) (?:bericht|boodschap) (?:in|achter)",
        r"voicemail van",
    ),
    "pt": (
        r"(?:apos|depois d)o? (?:sinal|bip|tom)",
        r"deixe (?:o |a )?(?:seu|sua|uma|um) (?:recado|mensagem)",
        r"caixa postal|correio de voz",
    ),
    "pl": (r"po (?:sygnale|uslyszeniu sygnalu)", r"zostaw\w* (?:\w+ )?wiadomosc", r"poczt\w glosow\w"),
    "sv": (r"efter (?:tonen|pipet|signalen)", r"lamna (?:ett )?meddelande", r"rostbrevlada"),
}
_ASKED: Final = re.compile(
    r"\b(?:(?:would|do) you (?:like|want) to|(?:can|could|may|should|shall) (?:i|you|we)(?: just)?|want me to)(?: please)? leave\b"
)
"""People ask, and are asked."""
_ANY: Final = re.compile("|".join(rf"\b(?:{phrase})\b" for phrases in PHRASES.values() for phrase in phrases))
_PERSON: Final = re.compile(
    r"(?:hello|hi|hey|yes|yeah|hallo|ja|allo|oui|bonjour|hola|diga|si|pronto|ola|sim|sorry)"
    r"(?: (?:hello|hi|yes|there|this is \w+|i ?m here))*"
)


def machines(text: str) -> bool:
    """Whether these words are an answering machine's."""
    folded = _fold(text)
    return _ANY.search(_ASKED.sub(" ", folded)) is not None


def somebodys(text: str) -> bool:
    """Whether these words are those of somebody who has just picked up."""
    return _PERSON.fullmatch(_fold(text)) is not None


def _fold(text: str) -> str:
    """Lower case, without accents or punctuation."""
    plain = unicodedata.normalize("NFKD", text.lower()).replace("ł", "l").replace("ß", "ss")
    return " ".join(re.sub(r"[^\w\s]", " ", "".join(one for one in plain if not unicodedata.combining(one))).split())
