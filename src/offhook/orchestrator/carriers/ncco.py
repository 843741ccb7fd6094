"""NCCO: in which words Vonage is told what to do. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from offhook.errors import Invalid
from offhook.orchestrator.carriers import signatures
from offhook.orchestrator.carriers.schemas import Credentials
from offhook.orchestrator.carriers.steps import Connect, Dial, Heard, Raw, Say, Step, plus

MAX_TEXT: Final = 2_000


class Vonage:
    """NCCO: JSON both ways. A call ends where its NCCO does; ``notify`` asks what follows the media."""

    kind = "vonage"
    media = "application/json"
    form = False
    asks = False
    moves = False

    def heard(self, raw: Raw) -> Heard:
        """See Talk. What a ``notify`` brings back is what we gave it."""
        told = raw.object.get("payload")
        found: Mapping[str, Any] = told if isinstance(told, dict) else raw.object
        over = not isinstance(told, dict) and "status" in raw.object
        return Heard(_text(found, "uuid"), plus(_text(found, "to")), plus(_text(found, "from")), "", over)

    def signed(self, raw: Raw, opened: Credentials, heard: Heard, now: float) -> bool:  # noqa: ARG002
        """See Talk."""
        bearer = raw.headers.get("authorization", "")
        return signatures.vonage(opened.auth_token.get_secret_value(), opened.account_sid, bearer, raw.body, now)

    def document(self, steps: Sequence[Step]) -> bytes:
        """See Talk."""
        actions: list[dict[str, Any]] = []
        for step in steps:
            actions += self._actions(step)
            if isinstance(step, Connect):
                break  # what follows is said when the notification asks
        return json.dumps(actions, separators=(",", ":")).encode()

    def _actions(self, step: Step) -> list[dict[str, Any]]:
        match step:
            case Connect():
                told = {"token": step.token, "did": step.did, "caller": step.caller, "carrier_call": step.carrier_call}
                socket = {"type": "websocket", "uri": step.stream, "content-type": "audio/l16;rate=16000", "headers": told}
                asked = {"uuid": step.carrier_call, "to": step.did, "from": step.caller}
                return [
                    {"action": "connect", "endpoint": [socket]},
                    {"action": "notify", "payload": asked, "eventUrl": [step.after], "eventMethod": "POST"},
                ]
            case Dial(target):
                sip = target.startswith(("sip:", "sips:"))
                to = {"type": "sip", "uri": target} if sip else {"type": "phone", "number": target.removeprefix("+")}
                return [{"action": "connect", "endpoint": [to]}]
            case Say(text, language):
                return [{"action": "talk", "text": text, "language": language}]
            case _:  # nothing more: the call ends where its NCCO does
                return []


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name, "")
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise Invalid(f"{name} is no text")
    return value
