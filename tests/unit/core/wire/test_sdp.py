"""Session descriptions: one codec, an address, a direction."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.core.wire.sdp import grounded, moved, narrowed, read

OFFER = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 18 8 0 111 101 100\r\na=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\na=rtpmap:8 PCMA/8000\r\n"
    b"a=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
    b"a=rtpmap:100 telephone-event/48000\r\na=sendonly\r\nm=video 5000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n"
)


def test_an_offer_is_left_with_our_first_codec_and_its_keys() -> None:
    text = narrowed(OFFER, ("PCMU", "PCMA")).decode()
    assert "m=audio 4000 RTP/AVP 0 101\r\n" in text
    assert "m=video 0 RTP/AVP 96" in text
    assert "G729" not in text
    assert "PCMA" not in text
    wide = narrowed(OFFER, ("opus",)).decode()
    assert "m=audio 4000 RTP/AVP 111 100\r\n" in wide
    assert "a=fmtp:111 useinbandfec=1" in wide


@pytest.mark.parametrize("body", [b"", b"v=0\r\n", OFFER.replace(b"RTP/AVP", b"RTP/SAVP"), OFFER.replace(b"m=audio", b"m=image")])
def test_what_has_none_of_our_codecs_is_nothing(body: bytes) -> None:
    assert narrowed(body, ("PCMU", "PCMA")) == b""
    assert narrowed(OFFER, ("G722",)) == b""


def test_what_is_said_of_the_audio() -> None:
    found = read(narrowed(OFFER, ("PCMA",)))
    assert found is not None
    assert (found.host, found.port, found.codec, found.direction) == ("192.0.2.1", 4000, "PCMA", "sendonly")
    held = read(OFFER.replace(b"c=IN IP4 192.0.2.1", b"c=IN IP4 0.0.0.0").replace(b"a=sendonly\r\n", b""))
    assert held is not None
    assert held.direction == "inactive"


def test_a_session_is_grounded_and_its_streams_keep_their_addresses() -> None:
    session = b"v=0\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n"
    body = session + b"m=audio 4000 RTP/AVP 0\r\ni=voice\r\na=sendrecv\r\nm=video 0 RTP/AVP 31\r\nc=IN IP4 192.0.2.9\r\n"
    said = grounded(body, "127.0.0.1")
    assert said.decode().splitlines() == [
        "v=0", "c=IN IP4 127.0.0.1", "t=0 0",
        "m=audio 4000 RTP/AVP 0", "i=voice", "c=IN IP4 192.0.2.7", "a=sendrecv",
        "m=video 0 RTP/AVP 31", "c=IN IP4 192.0.2.9",
    ]  # fmt: skip
    assert grounded(said, "127.0.0.1") == said
    found = read(said)
    assert found is not None
    assert found.host == "192.0.2.7"
    own = b"v=0\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.7\r\n"
    assert grounded(own, "127.0.0.1") == own


def test_media_is_told_to_come_to_the_public_address() -> None:
    text = moved(OFFER, "203.0.113.9").decode()
    assert "o=- 1 1 IN IP4 203.0.113.9" in text
    assert "c=IN IP4 203.0.113.9" in text
    assert "192.0.2.1" not in text


@given(st.binary(max_size=300), st.integers(0, 300))
def test_nothing_is_raised(noise: bytes, at: int) -> None:
    for body in (noise, OFFER[:at] + noise + OFFER[at:]):
        read(body)
        narrowed(body, ("PCMU", "opus"))
        moved(body, "::1")
        grounded(body, "127.0.0.1")
