"""What carriers say in their own voices, to people who are rung for a caller and to callers who cannot go on. Data by language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

DEFAULT: Final = "en-GB"
"""What is said, and in what voice, to those whose language is none of these."""
WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "brief": "A call for {business} from {who}{number}.",
        "number": ", number {digits}",
        "who": "a caller",
        "about": "It is about: {about}.",
        "said": "They said: {words}.",
        "choice": "To take the call, press 1 or say yes. To turn it down, press 2 or say no.",
        "yes": "yes",
        "no": "no",
        "not_needed": "The call is not waiting any longer. Thank you. Goodbye.",
        "turned_down": "All right. Goodbye.",
        "unanswered": "The call goes to somebody else. Goodbye.",
        "lost": "We are sorry, the caller could not be put through to you. Goodbye.",
        "alone": "We are sorry, the line to the person was lost.",
        "apology": "We are sorry, we cannot take your call right now. Please ring again in a little while. Goodbye.",
        "leave": "We are sorry, this call cannot go on just now. We will ring you back. If you like, leave a message after the tone.",
        "recorded": "It is recorded.",
        "thanks": "Thank you. We will ring you back. Goodbye.",
    },
    "de": {
        "brief": "Ein Anruf für {business} von {who}{number}.",
        "number": ", Nummer {digits}",
        "who": "einer unbekannten Person",
        "about": "Es geht um: {about}.",
        "said": "Gesagt wurde: {words}.",
        "choice": "Um den Anruf anzunehmen, drücken Sie die 1 oder sagen Sie Ja. Um ihn abzulehnen, drücken Sie die 2 oder sagen Sie Nein.",
        "yes": "ja",
        "no": "nein",
        "not_needed": "Der Anruf wartet nicht mehr. Vielen Dank. Auf Wiederhören.",
        "turned_down": "In Ordnung. Auf Wiederhören.",
        "unanswered": "Der Anruf geht an jemand anderen. Auf Wiederhören.",
        "lost": "Es tut uns leid, der Anruf konnte nicht zu Ihnen durchgestellt werden. Auf Wiederhören.",
        "alone": "Es tut uns leid, die Verbindung ist abgebrochen.",
        "apology": "Es tut uns leid, wir können Ihren Anruf gerade nicht annehmen. Bitte rufen Sie später wieder an. Auf Wiederhören.",
        "leave": "Es tut uns leid, dieses Gespräch kann gerade nicht weitergehen. Wir rufen Sie zurück. Wenn Sie möchten, hinterlassen Sie"
        " nach dem Ton eine Nachricht.",
        "recorded": "Sie wird aufgezeichnet.",
        "thanks": "Vielen Dank. Wir rufen Sie zurück. Auf Wiederhören.",
    },
    "fr": {
        "brief": "Un appel pour {business} de la part de {who}{number}.",
        "number": ", numéro {digits}",
        "who": "quelqu'un",
        "about": "Il s'agit de : {about}.",
        "said": "Cette personne a dit : {words}.",
        "choice": "Pour prendre l'appel, tapez 1 ou dites oui. Pour le refuser, tapez 2 ou dites non.",
        "yes": "oui",
        "no": "non",
        "not_needed": "L'appel n'est plus en attente. Merci. Au revoir.",
        "turned_down": "Très bien. Au revoir.",
        "unanswered": "L'appel est transmis à quelqu'un d'autre. Au revoir.",
        "lost": "Nous sommes désolés, l'appel n'a pas pu vous être transmis. Au revoir.",
        "alone": "Nous sommes désolés, la communication a été perdue.",
        "apology": "Nous sommes désolés, nous ne pouvons pas prendre votre appel pour le moment. Merci de rappeler plus tard. Au revoir.",
        "leave": "Nous sommes désolés, cet appel ne peut pas continuer pour le moment. Nous vous rappellerons. Si vous le souhaitez,"
        " laissez un message après le signal sonore.",
        "recorded": "Il est enregistré.",
        "thanks": "Merci. Nous vous rappellerons. Au revoir.",
    },
    "es": {
        "brief": "Una llamada para {business} de {who}{number}.",
        "number": ", número {digits}",
        "who": "una persona",
        "about": "Se trata de: {about}.",
        "said": "Ha dicho: {words}.",
        "choice": "Para atender la llamada, pulse 1 o diga sí. Para rechazarla, pulse 2 o diga no.",
        "yes": "sí",
        "no": "no",
        "not_needed": "La llamada ya no está en espera. Gracias. Adiós.",
        "turned_down": "De acuerdo. Adiós.",
        "unanswered": "La llamada pasa a otra persona. Adiós.",
        "lost": "Lo sentimos, no se le ha podido pasar la llamada. Adiós.",
        "alone": "Lo sentimos, se ha perdido la conexión con esa persona.",
        "apology": "Lo sentimos, ahora mismo no podemos atender su llamada. Por favor, vuelva a llamar dentro de un rato. Adiós.",
        "leave": "Lo sentimos, esta llamada no puede continuar en este momento. Le devolveremos la llamada. Si lo desea, deje un mensaje"
        " después de la señal.",
        "recorded": "Se graba.",
        "thanks": "Gracias. Le devolveremos la llamada. Adiós.",
    },
    "it": {
        "brief": "Una chiamata per {business} da {who}{number}.",
        "number": ", numero {digits}",
        "who": "una persona",
        "about": "Riguarda: {about}.",
        "said": "Ha detto: {words}.",
        "choice": "Per accettare la chiamata, prema 1 o dica sì. Per rifiutarla, prema 2 o dica no.",
        "yes": "sì",
        "no": "no",
        "not_needed": "La chiamata non è più in attesa. Grazie. Arrivederci.",
        "turned_down": "Va bene. Arrivederci.",
        "unanswered": "La chiamata passa a un'altra persona. Arrivederci.",
        "lost": "Ci dispiace, non è stato possibile passarle la chiamata. Arrivederci.",
        "alone": "Ci dispiace, il collegamento con la persona è caduto.",
        "apology": "Ci dispiace, in questo momento non possiamo rispondere. La preghiamo di richiamare tra poco. Arrivederci.",
        "leave": "Ci dispiace, in questo momento la chiamata non può continuare. La richiameremo. Se vuole, lasci un messaggio dopo il"
        " segnale acustico.",
        "recorded": "Viene registrato.",
        "thanks": "Grazie. La richiameremo. Arrivederci.",
    },
    "nl": {
        "brief": "Een gesprek voor {business} van {who}{number}.",
        "number": ", nummer {digits}",
        "who": "een beller",
        "about": "Het gaat over: {about}.",
        "said": "Gezegd werd: {words}.",
        "choice": "Toets 1 of zeg ja om het gesprek aan te nemen. Toets 2 of zeg nee om het te weigeren.",
        "yes": "ja",
        "no": "nee",
        "not_needed": "Het gesprek wacht niet meer. Dank u wel. Tot ziens.",
        "turned_down": "Goed. Tot ziens.",
        "unanswered": "Het gesprek gaat naar iemand anders. Tot ziens.",
        "lost": "Het spijt ons, het gesprek kon niet naar u worden doorverbonden. Tot ziens.",
        "alone": "Het spijt ons, de verbinding met de medewerker is verbroken.",
        "apology": "Het spijt ons, we kunnen uw oproep nu niet aannemen. Belt u over een tijdje terug. Tot ziens.",
        "leave": "Het spijt ons, dit gesprek kan nu niet verdergaan. We bellen u terug. Laat als u wilt na de toon een bericht achter.",
        "recorded": "Het wordt opgenomen.",
        "thanks": "Dank u wel. We bellen u terug. Tot ziens.",
    },
}  # fmt: skip


def said(name: str, locale: str, **values: str) -> str:
    """A line in this language; English where there is no other."""
    return WORDS.get(_language(locale), WORDS["en"])[name].format(**values)


def voice(locale: str) -> str:
    """In what language the carrier's voice reads a line of ours: a German voice reads no English."""
    return locale if _language(locale) in WORDS else DEFAULT


def _language(locale: str) -> str:
    return locale.partition("-")[0].lower()
