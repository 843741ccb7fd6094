"""What answering machines say, and what people say who answer."""

from __future__ import annotations

import pytest

from offhook.core.speech.greeting import machines, somebodys

MACHINES = (
    "Hi, you've reached the voicemail of Sam Baker.",
    "Please leave a message after the tone.",
    "I can't take your call right now, but leave me a message and I'll ring you.",
    "Sorry, I couldn't get to the phone.",
    "The person you are calling is not available.",
    "The customer you have dialled is currently unavailable.",
    "Your call has been forwarded to an automatic voice message system.",
    "At the tone, please record your message.",
    "please leave your name and number",
    "We will get back to you as soon as we can",
    "Welcome to the O2 messaging service. The mailbox is full.",
    "Guten Tag, Sie sprechen mit der Mailbox von Jörg. Bitte hinterlassen Sie eine Nachricht nach dem Signalton.",
    "Der Teilnehmer ist zurzeit leider nicht erreichbar",
    "Bonjour, vous êtes bien sur la messagerie de Marie.",
    "Laissez-moi un message après le bip sonore.",
    "Deje su mensaje después de la señal.",
    "Lasciate un messaggio dopo il segnale acustico.",
    "Spreek een bericht in na de piep.",
    "Deixe o seu recado após o sinal.",
    "Zostaw wiadomość po sygnale.",
    "Lämna ett meddelande efter tonen.",
)
PEOPLE = (
    "Hello?",
    "Harbour Plumbing, Sam speaking.",
    "Yes, who is this?",
    "He is not in. Would you like to leave a message?",
    "Can I leave a message for him?",
    "Do you want to leave your number?",
    "I can't talk right now, I'm at work.",
    "She's not available on Tuesday.",
    "Please leave me alone.",
    "Did you get my message?",
    "I got a voicemail from you yesterday.",
    "You have reached the wrong number.",
    "Call me back as soon as you can.",
    "Möchten Sie eine Nachricht hinterlassen?",
    "Ich bin gerade nicht zu Hause.",
    "Vous voulez laisser un message ?",
    "No puedo hablar ahora.",
    "",
)


@pytest.mark.parametrize("text", MACHINES)
def test_a_machine_is_known_by_its_words(text: str) -> None:
    assert machines(text)


@pytest.mark.parametrize("text", PEOPLE)
def test_people_are_not_machines(text: str) -> None:
    assert not machines(text)


@pytest.mark.parametrize(
    ("text", "person"), [("Hello?", True), ("Hi, I'm here!", True), ("Yes hello", True), ("Thank you.", False), ("", False)]
)
def test_somebody_picks_up(text: str, person: bool) -> None:
    assert somebodys(text) is person
