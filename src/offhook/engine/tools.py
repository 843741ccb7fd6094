"""Tools: work with an effect, run in the call's scope. A turn that is cancelled never takes a tool with it.

Each run is a signed POST with an idempotency key made of call, tool and arguments, so a repeat after a broken connection is
the same run. The result comes back as a value; a failure is one of four kinds that the script knows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import anyio
import httpx
from pydantic import ValidationError

from offhook.contracts.events import ToolAnswer, ToolRequest
from offhook.contracts.plan import CallPlan, ToolSpec
from offhook.signing import headers

ANSWER_LIMIT = 262_144
"""Bytes that a tool may answer with."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """How a run ended. ``error`` is None or conflict, rejected, timeout, unavailable."""

    tool: str
    key: str
    args: Mapping[str, Any]
    values: Mapping[str, Any]
    error: str | None
    took_ms: float


def signed_headers(secret: str, message_id: str, body: bytes) -> dict[str, str]:
    """Standard Webhooks headers for a JSON body sent now."""
    return {"content-type": "application/json", **headers(secret, message_id, int(datetime.now(UTC).timestamp()), body)}


class Tools:
    """Runs the tools of one call."""

    def __init__(self, http: httpx.AsyncClient, plan: CallPlan, secret: str, traceparent: Callable[[], str] = lambda: "") -> None:
        self._http = http
        self._plan = plan
        self._secret = secret
        self._traceparent = traceparent
        """The call's W3C ``traceparent``, so that what the work does is in its trace; empty where nobody traces it."""
        self.running = 0
        self._idle = anyio.Event()

    async def settled(self, seconds: float) -> None:
        """Wait for running tools, at most so long: a booking that was agreed is not abandoned because the caller has hung up."""
        with anyio.move_on_after(seconds):
            while self.running:
                self._idle = anyio.Event()
                await self._idle.wait()

    async def run(
        self,
        tool: str,
        args: Mapping[str, Any],
        key: str,
        timeout_ms: int | None,
        done: Callable[[ToolResult], None],
        *,
        secure: tuple[str, ...] = (),
    ) -> None:
        """Run one tool and report its result, whatever happens, within its own time limit. ``secure``: arguments that nobody may keep."""
        spec = self._plan.tools.get(tool)
        begin = anyio.current_time()
        values: Mapping[str, Any] = {}
        error: str | None = "unavailable"
        self.running += 1
        try:
            if spec is None:
                error = "rejected"
            else:
                limit = min(spec.timeout_ms, timeout_ms or spec.timeout_ms) / 1000
                with anyio.move_on_after(limit) as scope:
                    values, error = await self._attempts(spec, tool, args, key, secure)
                if scope.cancelled_caught:
                    error = "timeout"
        finally:
            self.running -= 1
            if not self.running:
                self._idle.set()
        done(ToolResult(tool, key, args, values, error, (anyio.current_time() - begin) * 1000))

    async def _attempts(
        self, spec: ToolSpec, tool: str, args: Mapping[str, Any], key: str, secure: tuple[str, ...]
    ) -> tuple[Mapping[str, Any], str | None]:
        """Try until there is an answer; the key makes a repeat harmless. The caller's time limit ends it."""
        request = ToolRequest(call=self._plan.call, ref=self._plan.ref, tool=tool, key=key, args=dict(args), secure=secure)
        body = request.model_dump_json().encode()
        pause = 0.1
        for attempt in range(3):
            if attempt:
                await anyio.sleep(pause)
                pause *= 3
            signed = {**signed_headers(self._secret, key, body), "idempotency-key": key}
            if parent := self._traceparent():
                signed["traceparent"] = parent
            try:
                response = await self._http.post(str(spec.url), content=body, headers=signed)
            except httpx.HTTPError:
                continue
            if response.status_code >= 500 or response.status_code == 429:
                continue
            return _read(response)
        return {}, "unavailable"


def _read(response: httpx.Response) -> tuple[Mapping[str, Any], str | None]:
    if response.status_code == 409:
        return {}, "conflict"
    if response.status_code != 200 or len(response.content) > ANSWER_LIMIT:
        return {}, "rejected"
    try:
        answer = ToolAnswer.model_validate(json.loads(response.content))
    except (ValidationError, ValueError):
        return {}, "rejected"
    return answer.values, answer.error
