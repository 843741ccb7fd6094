"""What somebody hears first whom we ring: who is calling, that it is an automated assistant, and why. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from offhook.orchestrator.agents.compose import ENTRY
from offhook.orchestrator.bookings.slots import label
from offhook.orchestrator.outgoing.schemas import Purpose

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "who": "Hello, this is the automated assistant of {business}.",
        "reminder": "I am calling to remind you of your visit{when}. You can confirm it, move it or cancel it with me.",
        "call-back": "You asked us to call you back.",
    },
    "de": {
        "who": "Guten Tag, hier ist der automatische Assistent von {business}.",
        "reminder": "Ich rufe an, um Sie an Ihren Termin{when} zu erinnern. Sie können ihn mit mir bestätigen, verschieben oder absagen.",
        "call-back": "Sie hatten um einen Rückruf gebeten.",
        "when": " am {day}, dem {number}., um {time} Uhr",
        "days": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
    },
    "fr": {
        "who": "Bonjour, ici l'assistant automatique de {business}.",
        "reminder": "Je vous appelle pour vous rappeler votre rendez-vous{when}. Vous pouvez le confirmer, le déplacer ou l'annuler.",
        "call-back": "Vous nous avez demandé de vous rappeler.",
        "when": " du {day} {number}, à {time}",
        "days": "lundi mardi mercredi jeudi vendredi samedi dimanche",
    },
    "es": {
        "who": "Hola, le habla el asistente automático de {business}.",
        "reminder": "Le llamo para recordarle su cita{when}. Puede confirmarla, cambiarla o anularla conmigo.",
        "call-back": "Nos pidió que le devolviéramos la llamada.",
        "when": " del {day} {number} a las {time}",
        "days": "lunes martes miércoles jueves viernes sábado domingo",
    },
    "it": {
        "who": "Salve, sono l'assistente automatico di {business}.",
        "reminder": "La chiamo per ricordarle il suo appuntamento{when}. Può confermarlo, spostarlo o annullarlo con me.",
        "call-back": "Ci ha chiesto di richiamarla.",
        "when": " di {day} {number} alle {time}",
        "days": "lunedì martedì mercoledì giovedì venerdì sabato domenica",
    },
    "nl": {
        "who": "Goedendag, u spreekt met de automatische assistent van {business}.",
        "reminder": "Ik bel om u te herinneren aan uw afspraak{when}. U kunt die met mij bevestigen, verzetten of afzeggen.",
        "call-back": "U had gevraagd om teruggebeld te worden.",
        "when": " op {day} de {number}e om {time} uur",
        "days": "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
    },
}
"""By language; English where there is no other. A call for another purpose says who it is, and what ``about`` is."""


def line(purpose: Purpose, business: str, about: str, when: str, locale: str) -> str:
    """The whole of it. ``about`` is what whoever placed the call wants said; ``when`` of ``of_visit``."""
    words = _words(locale)
    why = words.get(purpose, "").format(when=when)
    return " ".join(part for part in (words["who"].format(business=business), why, about) if part)


def of_visit(start: datetime, zone: ZoneInfo, now: datetime, locale: str) -> str:
    """When a visit is, as ``line`` says it."""
    words, local = _words(locale), start.astimezone(zone)
    if "when" not in words:
        return f" {label(start, zone, now)}"
    time = f"{local.hour}:{local.minute:02d}" if local.minute else f"{local.hour}"
    if words is WORDS["fr"]:
        time = f"{local.hour} h {local.minute:02d}" if local.minute else f"{local.hour} h"
    return words["when"].format(day=words["days"].split()[local.weekday()], number=local.day, time=time)


def _words(locale: str) -> Mapping[str, str]:
    return WORDS.get(locale.partition("-")[0].lower(), WORDS["en"])


def opened(script: Mapping[str, Any], text: str) -> dict[str, Any]:
    """The script with this in place of its greeting; who is rung is not told that the business is closed.

    What it must say before the first question, such as that the call is recorded, stays.
    """
    made = copy.deepcopy(dict(script))
    states = made.get("states")
    if not isinstance(states, dict):
        return made
    if made.get("start") == ENTRY:
        made["start"] = states[ENTRY]["next"][-1]["go"]
    first = states.get(made.get("start"))
    if isinstance(first, dict):
        first["say"] = text
    return made
