"""The floor of the yardstick, a relay that only forwards: ``python -m offhook.testing.bench.relay --port N``, vendors by the environment.

Caller's frames to the recogniser, its end of a turn to the model, the model's sentences to the voice, the voice's audio to the caller as it
comes. No detector, no script, no pacing, no recording, no state that could be wrong: nobody could have a call with it. ``--eager``
asks the model at the eager end already, and lets the audio out at the end.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any

import anyio
import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from offhook.testing.carrier import FRAME


class Relay:
    """One call."""

    def __init__(self, carrier: ServerConnection, http: httpx.AsyncClient, *, eager: bool) -> None:
        self._carrier = carrier
        self._http = http
        self._eager = eager
        self._stream = ""
        self._context = 0
        self._open: anyio.Event = anyio.Event()
        self._ears: ClientConnection
        self._voice: ClientConnection
        self._asking: anyio.CancelScope | None = None

    async def run(self) -> None:
        """Until the caller has gone."""
        env = os.environ
        ears = env["DEEPGRAM_BASE_URL"].replace("http", "ws", 1) + "/v2/listen?model=flux-general-en&encoding=mulaw&sample_rate=8000"
        ears += "&eager_eot_threshold=0.4"
        voice = env["CARTESIA_BASE_URL"].replace("http", "ws", 1) + "/tts/websocket"
        keys = {"Authorization": f"Bearer {env['CARTESIA_API_KEY']}", "Cartesia-Version": "2026-03-01"}
        async with (
            connect(ears, additional_headers={"Authorization": f"Token {env['DEEPGRAM_API_KEY']}"}, compression=None) as self._ears,
            connect(voice, additional_headers=keys, compression=None) as self._voice,
            anyio.create_task_group() as self._group,
        ):
            self._group.start_soon(self._listen)
            self._group.start_soon(self._speak)
            await self._receive()
            self._group.cancel_scope.cancel()

    async def _receive(self) -> None:
        rest = b""
        try:
            async for text in self._carrier:
                message = json.loads(text)
                if message["event"] == "media":
                    rest += base64.b64decode(message["media"]["payload"])
                    if len(rest) >= 4 * FRAME:
                        await self._ears.send(rest)
                        rest = b""
                elif message["event"] == "start":
                    self._stream = message["streamSid"]
                    self._open.set()
                    await self._say("Hello.", more=False)
                elif message["event"] == "stop":
                    return
        except ConnectionClosed:
            return

    async def _listen(self) -> None:
        async for text in self._ears:
            message = json.loads(text)
            match message.get("event"):
                case "EagerEndOfTurn" if self._eager:
                    self._open = anyio.Event()
                    self._group.start_soon(self._ask, message["transcript"])
                case "EndOfTurn":
                    if self._eager:
                        self._open.set()
                    else:
                        self._group.start_soon(self._ask, message["transcript"])
                case _:
                    pass

    async def _ask(self, text: str) -> None:
        self._context += 1
        url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
        body = {"model": "gpt-4.1-mini", "stream": True, "messages": [{"role": "user", "content": text}]}
        sentence = ""
        async with self._http.stream("POST", url, json=body, headers={"authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"}) as answer:
            async for line in answer.aiter_lines():
                if not line.startswith("data: {"):
                    continue
                choices: list[dict[str, Any]] = json.loads(line[6:])["choices"]
                sentence += (choices[0]["delta"].get("content") or "") if choices else ""
                if sentence.rstrip().endswith((".", ",")):
                    await self._say(sentence, more=True)
                    sentence = ""
        await self._say(sentence, more=False)

    async def _say(self, text: str, *, more: bool) -> None:
        request = {
            "model_id": "sonic-3",
            "voice": {"mode": "id", "id": "voice-1"},
            "output_format": {"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8_000},
            "max_buffer_delay_ms": 0,
        }
        context = {"context_id": f"c{self._context}", "transcript": text, "continue": more}
        if text or self._context:
            await self._voice.send(json.dumps({**request, **context}))

    async def _speak(self) -> None:
        async for text in self._voice:
            message = json.loads(text)
            if message["type"] != "chunk":
                continue
            await self._open.wait()
            media = {"event": "media", "streamSid": self._stream, "media": {"payload": message["data"]}}
            await self._carrier.send(json.dumps(media))


def _health(_connection: ServerConnection, request: Request) -> Response | None:
    return _connection.respond(HTTPStatus.OK, "{}") if request.path == "/healthz" else None


async def main(port: int, *, eager: bool) -> None:
    """Run until ended."""
    async with httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_connections=None, max_keepalive_connections=200)) as http:

        async def one(carrier: ServerConnection) -> None:
            await Relay(carrier, http, eager=eager).run()

        async with serve(one, "127.0.0.1", port, compression=None, process_request=_health):
            await anyio.sleep_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        run = partial(main, int(sys.argv[sys.argv.index("--port") + 1]), eager="--eager" in sys.argv)
        anyio.run(run, backend_options={"use_uvloop": sys.platform != "win32"})
