"""Where a call's plan comes from: the orchestrator, or a file for an engine that runs alone."""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path
from typing import Protocol

import anyio
import anyio.to_thread
import httpx
from pydantic import ValidationError

from offhook.addresses import in_the_clear
from offhook.contracts.plan import CallPlan, PlanRequest, Refusal
from offhook.engine.tools import signed_headers
from offhook.errors import ConfigError, NoPlan, Refused

GONE = frozenset({"unknown_number", "suspended"})
"""Refusals after which a number's kept plan is nobody's any more."""
_BASE = "_BASE_URL"
KEPT_S = 7 * 86_400.0
"""Seconds that a plan stands in for an orchestrator that does not answer."""


class PlanSource(Protocol):
    """Answers what to do with a call."""

    async def plan(self, request: PlanRequest) -> CallPlan:
        """The call's plan. Raises Refused when it must not be taken, NoPlan when nobody could say."""
        ...


def check(plan: CallPlan, secret: str) -> None:
    """ConfigError for a plan that must not be carried out: its requests could not be signed for want of a ``secret``, and would fail in the
    call; or a key in it would be sent where others can read it.
    """
    asked = "events_url" if plan.events_url is not None else "tools" if plan.tools else ""
    if asked and not secret:
        raise ConfigError(f"the plan has {asked}, and OFFHOOK_ENGINE_SECRET is empty: without it no request can be signed")
    vendors = plan.models.vendors
    for name, url in vendors.items():
        if name.endswith(_BASE) and vendors.get(name.removesuffix(_BASE) + "_API_KEY") and _open(url):
            raise ConfigError(f"the plan's {name} must be https or wss: the key would travel in the clear")


def _open(url: str) -> bool:
    try:
        return in_the_clear(url.strip())
    except ValueError:  # no URL at all, which whoever needs it refuses
        return False


class FilePlan:
    """Every call gets the same plan. Raises ConfigError, naming the field, when the file is not a plan, or ``secret`` is missing for it."""

    def __init__(self, path: Path, secret: str = "") -> None:
        try:
            self._values = json.loads(path.read_text(encoding="utf-8"))
            plan = CallPlan.model_validate({**self._values, "call": "check"})
        except OSError as error:
            msg = f"{path}: cannot be read: {error.strerror}"
            raise ConfigError(msg) from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the document"
            msg = f"{path}: not a call plan: {where}: {first['msg']}"
            raise ConfigError(msg) from error
        except (ValueError, TypeError) as error:
            msg = f"{path}: not a JSON object"
            raise ConfigError(msg) from error
        check(plan, secret)

    async def plan(self, request: PlanRequest) -> CallPlan:
        """The file's plan under this call's name."""
        given = {**self._values.get("given", {})}
        if request.caller and "caller_number" not in given:
            given["caller_number"] = request.caller
        return CallPlan.model_validate({**self._values, "call": request.call, "given": given})


class OrchestratorPlans:
    """Asks the orchestrator; if it is late or down, the number's last plan is used again."""

    def __init__(self, http: httpx.AsyncClient, url: str, secret: str, timeout: float, cache: Path) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._secret = secret
        self._timeout = timeout
        self._cache = cache
        self.from_cache = 0

    async def plan(self, request: PlanRequest) -> CallPlan:
        """Ask once; see PlanSource."""
        body = request.model_dump_json().encode()
        try:
            with anyio.fail_after(self._timeout):
                response = await self._http.post(
                    f"{self._url}/v1/plans", content=body, headers=signed_headers(self._secret, request.call, body)
                )
        except (TimeoutError, httpx.HTTPError) as error:
            return await self._cached(request, type(error).__name__)
        if response.status_code == 200:
            try:
                plan = CallPlan.model_validate_json(response.content)
            except ValidationError as error:
                raise NoPlan("the orchestrator's answer is not a call plan; engine and orchestrator must be of one version") from error
            if request.did and not plan.test:
                await anyio.to_thread.run_sync(self._keep, request.did, response.content)
            return plan
        if response.status_code in {403, 404, 409}:
            try:
                refusal = Refusal.model_validate_json(response.content)
            except ValidationError as error:
                raise Refused("the orchestrator refused the call", detail=response.text[:500]) from error
            if request.did and refusal.reason in GONE:
                await anyio.to_thread.run_sync(partial(self._path(request.did).unlink, missing_ok=True))
            raise Refused(f"the orchestrator refused the call: {refusal.reason}", detail=refusal.line, why=refusal.reason)
        return await self._cached(request, f"status {response.status_code}")

    def _path(self, did: str) -> Path:
        return self._cache / f"{''.join(c for c in did if c.isalnum())}.json"

    def _keep(self, did: str, content: bytes) -> None:
        # A number that is only digits and a carrier's token: nothing of the caller is kept here but what the plan gave.
        self._cache.mkdir(parents=True, exist_ok=True)
        for path in self._cache.glob("*.json"):  # a number that rings no more is asked for no more
            if _too_old(path):
                path.unlink(missing_ok=True)
        values = json.loads(content)
        values["given"] = {key: value for key, value in values.get("given", {}).items() if not key.startswith("caller")}
        values.get("models", {}).pop("vendors", None)  # keys are kept nowhere: without the orchestrator it is the engine's own accounts
        self._path(did).write_text(json.dumps(values), encoding="utf-8")

    def _kept(self, did: str) -> str:
        """What was kept for a number; nothing where that is too long ago to be anybody's word."""
        path = self._path(did)
        try:
            if _too_old(path):
                path.unlink()
                return ""
            return path.read_text(encoding="utf-8")
        except OSError:
            return ""

    async def _cached(self, request: PlanRequest, why: str) -> CallPlan:
        if request.did and (text := await anyio.to_thread.run_sync(self._kept, request.did)):
            try:
                plan = CallPlan.model_validate({**json.loads(text), "call": request.call})
            except ValueError as error:  # cut by a crash, or of another version
                raise NoPlan("the plan that was kept for the number cannot be read", detail=str(error)) from error
            self.from_cache += 1
            return plan
        raise NoPlan(f"no plan for the call: the orchestrator did not answer in time ({why}) and the number has no earlier plan")


def _too_old(path: Path) -> bool:
    return path.stat().st_mtime < time.time() - KEPT_S
