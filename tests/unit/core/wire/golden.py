"""Every message that each carrier's documents show, in and out, as they show it; and how to break one."""

from __future__ import annotations

import base64
import json
from typing import Any

AUDIO = bytes(range(160))
PCM = bytes(range(256)) + bytes(range(64))
"""20 ms of 16-bit samples at 8 kHz."""
_B64 = base64.b64encode(AUDIO).decode()
_PCM = base64.b64encode(PCM).decode()
SID = "MZ18ad3ab5a668481ce02b83e7395059f0"

TWILIO: dict[str, dict[str, Any]] = {
    "connected": {"event": "connected", "protocol": "Call", "version": "1.0.0"},
    "start": {
        "event": "start",
        "sequenceNumber": "1",
        "start": {
            "accountSid": "AC0",
            "streamSid": SID,
            "callSid": "CA123",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"token": "t0k", "did": "+6421", "caller": "+6422"},
        },
        "streamSid": SID,
    },
    "media": {
        "event": "media",
        "sequenceNumber": "3",
        "streamSid": SID,
        "media": {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": _B64},
    },
    "dtmf": {"event": "dtmf", "streamSid": SID, "sequenceNumber": "5", "dtmf": {"track": "inbound_track", "digit": "#"}},
    "mark": {"event": "mark", "sequenceNumber": "4", "streamSid": SID, "mark": {"name": "e1:1"}},
    "stop": {"event": "stop", "sequenceNumber": "5", "stop": {"accountSid": "AC0", "callSid": "CA123"}, "streamSid": SID},
}

SIGNALWIRE = json.loads(json.dumps(TWILIO))
SIGNALWIRE["start"]["start"]["mediaFormat"] = {"encoding": "audio/x-l16", "sampleRate": 16000, "channels": 1}
SIGNALWIRE["media"]["media"]["payload"] = _PCM

STREAM = "32DE0DEA-53CB-4B21-89A4-9E1819C043BC"
TELNYX: dict[str, dict[str, Any]] = {
    "connected": {"event": "connected", "version": "1.0.0"},
    "start": {
        "event": "start",
        "sequence_number": "1",
        "stream_id": STREAM,
        "start": {
            "user_id": "3E6F995F-85F7-4705-9741-53B116D28237",
            "call_control_id": "v2:T02llQxIyaRkhfRKxgAP8nY511EhFLizdvdUKJiSw8d6A9BborherQ",
            "call_session_id": "ff55a038-6f5d-11ef-9692-02420aeffb1f",
            "from": "+13122010094",
            "to": "+13122123456",
            "tags": ["TAG1", "TAG2"],
            "client_state": "aGF2ZSBhIG5pY2UgZGF5ID1d",
            "custom_parameters": {"token": "t0k"},
            "media_format": {"encoding": "PCMA", "sample_rate": 8000, "channels": 1},
        },
    },
    "media": {
        "event": "media",
        "sequence_number": "4",
        "stream_id": STREAM,
        "media": {"track": "inbound", "chunk": "2", "timestamp": "5", "payload": _B64},
    },
    "dtmf": {
        "event": "dtmf",
        "stream_id": STREAM,
        "occurred_at": "2023-12-07T09:36:55.123456Z",
        "sequence_number": "5",
        "dtmf": {"digit": "1"},
    },
    "mark": {"event": "mark", "sequence_number": "6", "stream_id": STREAM, "mark": {"name": "e1:1"}},
    "error": {
        "event": "error",
        "stream_id": STREAM,
        "payload": {"code": 100003, "title": "malformed_frame", "detail": "A malformed frame has been received."},
    },
    "stop": {"event": "stop", "sequence_number": "7", "stream_id": STREAM, "stop": {"user_id": "3E6F", "call_control_id": "v2:T02"}},
}

UUID = "87654321-4321-4321-4321-cba987654321"
PLIVO: dict[str, dict[str, Any]] = {
    "start": {
        "event": "start",
        "sequenceNumber": 1,
        "start": {
            "callId": "12345678-1234-1234-1234-123456789abc",
            "streamId": UUID,
            "accountId": "MAXXXXXXXXXXXXXXXXXX",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000},
        },
        "extra_headers": "did=6421;caller=6422",
    },
    "media": {
        "event": "media",
        "sequenceNumber": 2,
        "streamId": UUID,
        "media": {"track": "inbound", "timestamp": "1735119324000", "chunk": 2, "payload": _B64},
        "extra_headers": "did=6421;caller=6422",
    },
    "dtmf": {
        "event": "dtmf",
        "sequenceNumber": 3,
        "streamId": UUID,
        "dtmf": {"track": "inbound", "digit": "5", "timestamp": "1735119325000"},
    },
    "played": {"event": "playedStream", "sequenceNumber": 4, "streamId": UUID, "name": "e1:1"},
    "cleared": {"event": "clearedAudio", "sequenceNumber": 5, "streamId": UUID},
    "stop": {"event": "stop", "sequenceNumber": 6, "streamId": UUID},
}

VONAGE: dict[str, Any] = {
    "start": {
        "event": "websocket:connected",
        "content-type": "audio/l16;rate=16000",
        "carrier_call": "63f61863-4a51-4f6b-86e1-46edebcf9356",
        "token": "t0k",
        "did": "+6421",
        "retries": 3,
        "address": {"city": "New York"},
    },
    "media": PCM + PCM,
    "dtmf": {"event": "websocket:dtmf", "digit": "5", "duration": 260},
    "notify": {"event": "websocket:notify", "payload": {"name": "e1:1"}},
    "cleared": {"event": "websocket:cleared"},
    "update": {"event": "websocket:media:update", "active": True},
}

EXOTEL: dict[str, dict[str, Any]] = {
    "connected": {"event": "connected"},
    "start": {
        "event": "start",
        "sequence_number": "1",
        "stream_sid": SID,
        "start": {
            "stream_sid": SID,
            "call_sid": "CA123",
            "account_sid": "AC0",
            "from": "+919876543210",
            "to": "+918047491899",
            "custom_parameters": {"token": "t0k"},
            "media_format": {"encoding": "audio/x-raw", "sample_rate": "8000", "bit_rate": "16"},
        },
    },
    "media": {
        "event": "media",
        "sequence_number": "3",
        "stream_sid": SID,
        "media": {"chunk": "2", "timestamp": "200", "payload": base64.b64encode(PCM * 5).decode()},
    },
    "dtmf": {"event": "dtmf", "sequence_number": "7", "stream_sid": SID, "dtmf": {"digit": "5", "duration": "100"}},
    "mark": {"event": "mark", "sequence_number": "15", "stream_sid": SID, "mark": {"name": "e1:1"}},
    "clear": {"event": "clear", "stream_sid": SID},
    "stop": {
        "event": "stop",
        "sequence_number": "20",
        "stream_sid": SID,
        "stop": {"call_sid": "CA123", "account_sid": "AC0", "reason": "stopped"},
    },
}

JAMBONZ: dict[str, Any] = {
    "start": {
        "callSid": "68b01f82-c1a8-4db1-a7a0-ff5a1d6c1cd9",
        "direction": "inbound",
        "from": "15083728299",
        "to": "15083084809",
        "callId": "f96fd8b1@a4a3",
        "sipStatus": 200,
        "callStatus": "in-progress",
        "accountSid": "ed649e33-e771-403a-8c99-1780eabbc803",
        "sampleRate": 8000,
        "mixType": "mono",
        "token": "t0k",
        "metadata": {"did": "+6421"},
    },
    "media": PCM,
    "dtmf": {"event": "dtmf", "dtmf": "2", "duration": "1600"},
    "played": {"type": "mark", "data": {"name": "e1:1", "event": "playout"}},
    "cleared": {"type": "mark", "data": {"name": "e1:2", "event": "cleared"}},
}

ASTERISK: dict[str, Any] = {
    "start": {
        "event": "MEDIA_START",
        "connection_id": "e226e283-c90a-4ea9-9e37-389000b9ef47",
        "channel": "WebSocket/offhook/0x7f2c3c0a5b10",
        "channel_id": "1761234567.42",
        "format": "ulaw",
        "optimal_frame_size": 160,
        "ptime": 20,
        "channel_variables": {"OFFHOOK_TOKEN": "t0k", "OFFHOOK_DID": "+6421", "OFFHOOK_CARRIER_CALL": "1761234567.41", "DIALSTATUS": ""},
    },
    "media": AUDIO,
    "dtmf": {"event": "DTMF_END", "channel_id": "1761234567.42", "digit": "7"},
    "marked": {"event": "MEDIA_MARK_PROCESSED", "channel_id": "1761234567.42", "correlation_id": "e1:1"},
    "buffered": {"event": "MEDIA_BUFFERING_COMPLETED", "channel_id": "1761234567.42", "correlation_id": ""},
    "xoff": {"event": "MEDIA_XOFF", "channel_id": "1761234567.42"},
    "xon": {"event": "MEDIA_XON", "channel_id": "1761234567.42"},
    "drained": {"event": "QUEUE_DRAINED", "channel_id": "1761234567.42"},
    "status": {"event": "STATUS", "channel_id": "1761234567.42", "queue_length": 43, "xon_level": 800, "queue_full": False},
    "error": {"event": "ERROR", "channel_id": "1761234567.42", "error_text": "Unable to parse JSON command"},
}
ASTERISK_PLAIN: dict[str, Any] = {
    "start": (
        "MEDIA_START connection_id:e226e283-c90a-4ea9-9e37-389000b9ef47 channel:WebSocket/offhook/0x7f2c3c0a5b10"
        " channel_id:1761234567.42 format:ulaw optimal_frame_size:160 ptime:20"
    ),
    "media": AUDIO,
    "dtmf": "DTMF_END digit:7 channel_id:1761234567.42",
    "marked": "MEDIA_MARK_PROCESSED e1:1",
    "buffered": "MEDIA_BUFFERING_COMPLETED e1:2",
    "bare": "MEDIA_BUFFERING_COMPLETED",
    "xoff": "MEDIA_XOFF",
    "xon": "MEDIA_XON",
    "drained": "QUEUE_DRAINED",
    "status": "STATUS channel_id:1761234567.42 queue_length:43 xon_level:800 xoff_level:900 queue_full:false",
    "error": "ERROR channel_id:1761234567.42 error_text:FLUSH_MEDIA not supported in passthrough mode",
}

GOLDEN: dict[str, dict[str, Any]] = {
    "twilio": TWILIO,
    "signalwire": SIGNALWIRE,
    "telnyx": TELNYX,
    "plivo": PLIVO,
    "vonage": VONAGE,
    "exotel": EXOTEL,
    "jambonz": JAMBONZ,
    "asterisk": ASTERISK,
    "asterisk-plain": ASTERISK_PLAIN,
}


def wire(message: object) -> str | bytes:
    """As it is on the wire."""
    return message if isinstance(message, str | bytes) else json.dumps(message)


def changed(message: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """With one member set, or dropped by ``...``. A path's parts are parted by dots."""
    copy = json.loads(json.dumps(message))
    at = copy
    *way, last = path.split(".")
    for step in way:
        at = at[step]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return dict(copy)
