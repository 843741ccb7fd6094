"""The vendors' doubles for the bench, in a process of their own: ``python -m offhook.testing.bench.doubles SETTING``.

Prints one line of JSON, the environment that leads an engine to them and where events are taken, and runs until its input ends.
"""

from __future__ import annotations

import json
import sys
from collections import deque
from dataclasses import dataclass
from typing import Any, Final, cast

import anyio
import anyio.abc
import anyio.to_thread

from offhook.testing.vendors._ear import Said
from offhook.testing.vendors.server import Received, Scenario, Vendors

SAYS: Final = "my neighbour said you folk could sort out something for me"
"""What the caller says, always: words of which no rule of the bench's script makes anything, so that a model is asked every time."""
REPLY: Final = "Sure, we can look into that for you today."
ACTS: Final = json.dumps({"acts": ["chitchat"], "say": REPLY}, separators=(",", ":"))
TURNS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Setting:
    """Seconds: what the vendors take by themselves."""

    speech: float = 2.0
    """Of the caller's utterance, from its first sound to its last."""
    final: float = 0.1
    """From a recogniser's decision to its final words."""
    end: float = 0.26
    """Of speech to the end of the turn, by a recogniser that decides."""
    eager: float = 0.11
    """Later than ``end``: never."""
    update: float = 0.24
    known: float = 0.0
    """So long before the last sound all words are known already; a stable partial."""
    token: float = 0.2
    rate: float = 80.0
    voice: float = 0.09
    acts: bool = False
    """The model answers in acts and words, else in words only."""


def scenarios(setting: Setting) -> dict[str, Scenario]:
    """By vendor."""
    said = [Said(SAYS, setting.speech, known=setting.known)] * TURNS
    heard = {
        "say": said,
        "final": setting.final,
        "start": 0.1,
        "eager": setting.eager,
        "end": setting.end,
        "update_every": setting.update,
        "interim_every": setting.update,
    }
    model = {"reply": ACTS if setting.acts else REPLY, "first_token": setting.token, "rate": setting.rate}
    return {
        "deepgram": Scenario(options=heard),
        "openai": Scenario(options=model),
        "cartesia": Scenario(options={"first_byte": setting.voice, "piece_ms": 100}),
    }


class Events:
    """Takes the engine's events by HTTP and keeps the ladders of answers."""

    def __init__(self) -> None:
        self.ladders: list[dict[str, Any]] = []

    async def serve(self, stream: anyio.abc.SocketStream) -> None:
        """One connection: POSTs are events, a GET takes the ladders away."""
        rest = b""
        async with stream:
            try:
                while True:
                    while b"\r\n\r\n" not in rest:
                        rest += await stream.receive()
                    head, _, rest = rest.partition(b"\r\n\r\n")
                    fields = dict(line.lower().split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:])
                    length = int(fields.get("content-length", "0"))
                    while len(rest) < length:
                        rest += await stream.receive()
                    body, rest = rest[:length], rest[length:]
                    answer = self._answer(head.startswith(b"GET"), body)
                    await stream.send(
                        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(answer) + answer
                    )
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                return

    def _answer(self, taking: bool, body: bytes) -> bytes:
        if taking:
            found, self.ladders = self.ladders, []
            return json.dumps(found).encode()
        event = json.loads(body)
        if event.get("type") == "turn.agent" and (event.get("ladder") or {}).get("total") is not None:
            self.ladders.append(event["ladder"])
        return b"{}"


async def main(setting: Setting) -> None:
    """Run them until the input ends."""
    async with Vendors() as vendors:
        # What clients sent is of no interest here, and there is much of it.
        vendors.log = cast("list[Received]", deque[Received](maxlen=1_000))
        for name, scenario in scenarios(setting).items():
            vendors.scenario(name, scenario)
        events = Events()
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - anyio's, no database's
        async with listener, anyio.create_task_group() as group:
            group.start_soon(listener.serve, events.serve)
            print(json.dumps({"env": vendors.env(), "events": f"http://127.0.0.1:{port}/events"}), flush=True)  # noqa: T201 - its answer
            await anyio.to_thread.run_sync(sys.stdin.read)
            group.cancel_scope.cancel()


if __name__ == "__main__":
    anyio.run(main, Setting(**json.loads(sys.argv[1])), backend_options={"use_uvloop": sys.platform != "win32"})
