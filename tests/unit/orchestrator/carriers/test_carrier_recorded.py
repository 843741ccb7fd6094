"""Which addresses a carrier's recordings are fetched from, and where the account's keys go."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from offhook.orchestrator.carriers.messages import LONGEST_S, wait_s
from offhook.orchestrator.carriers.rest.recorded import PLACES, Missed, checked, with_ending
from offhook.orchestrator.carriers.schemas import Credentials

SPACE = {"space": "harbour.signalwire.com"}
OWN = {
    "twilio": ("https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/RE1.wav", "https://api.dublin.ie1.twilio.com/RE1.wav"),
    "signalwire": ("https://harbour.signalwire.com/api/laml/2010-04-01/Accounts/1/Recordings/RE1.wav",),
    "plivo": ("https://media.plivo.com/v1/Account/MA1/Recording/1.wav",),
    "telnyx": (),
}
OTHER = {
    "twilio": (),
    "signalwire": (
        "https://files.signalwire.com/1/2/recordings/3.wav",
        "https://s3.us-east-2.amazonaws.com/files.signalwire.com/1.wav?x=1",
    ),
    "plivo": (),
    "telnyx": (
        "https://s3.amazonaws.com/telephony-recorder-prod/1/2026-11-23/2-3.wav?X-Amz-Expires=600",
        "https://s3.eu-central-1.amazonaws.com/telephony-recorder-prod-fr5/1/2.wav?X-Amz-Signature=1",
    ),
}
NOBODYS = (
    "https://example.com/RE1.wav",
    "http://api.twilio.com/RE1.wav",
    "https://api.twilio.com:8443/RE1.wav",
    "https://api.twilio.com@example.com/RE1.wav",
    "https://api.twilio.com.example.com/RE1.wav",
    "https://example.com/api.twilio.com/RE1.wav",
    "https://evilapi.twilio.com/RE1.wav",
    "https://quayside.signalwire.com/api/RE1.wav",
    "https://s3.amazonaws.com/somebody/RE1.wav",
    "https://s3.amazonaws.com/telephony-recorder-production/RE1.wav",
    "https://s3.amazonaws.com/telephony-recorder-prod/../somebody/RE1.wav",
    "https://s3.amazonaws.com/telephony-recorder-prod/%2E%2e/somebody/RE1.wav",
    "https://127.0.0.1/RE1.wav",
    "https://169.254.169.254/latest/meta-data",
    "file:///etc/passwd",
    "",
)


def opened(kind: str) -> Credentials:
    secret = SecretStr("0123456789abcdef")
    return Credentials(kind=kind, account_sid="AC1", auth_token=secret, settings=SPACE if kind == "signalwire" else {})


@pytest.mark.parametrize("kind", sorted(PLACES))
def test_keys_go_to_the_carriers_own_host_and_nowhere_else(kind: str) -> None:
    for url in OWN[kind]:
        there, keys = checked(kind, opened(kind), url)
        assert (there, set(keys)) == (url, {"authorization"})
    for url in OTHER[kind]:
        assert checked(kind, opened(kind), url) == (url, {})
    foreign = [url for other in PLACES if other != kind for url in (*OWN[other], *OTHER[other])]
    for url in (*NOBODYS, *foreign):
        with pytest.raises(Missed) as missed:
            checked(kind, opened(kind), url)
        assert (missed.value.fault, missed.value.again) == ("elsewhere", False)


def test_the_form_is_asked_for_where_the_address_names_none() -> None:
    assert with_ending("twilio", "https://api.twilio.com/a/RE1") == "https://api.twilio.com/a/RE1.wav"
    assert with_ending("signalwire", "https://x.signalwire.com/a.b/RE1.mp3") == "https://x.signalwire.com/a.b/RE1.mp3"
    assert with_ending("telnyx", "https://s3.amazonaws.com/b/RE1?sig=a.b") == "https://s3.amazonaws.com/b/RE1?sig=a.b"


def test_attempts_are_further_and_further_apart() -> None:
    waits = [wait_s(attempts) for attempts in range(40)]
    assert waits[:4] == [5, 10, 20, 40]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_S
