"""Running a tool: once per key, with an answer that the script understands.

A tool works in one transaction, or in several with work outside between them (``builtin.Later``), so that none is open while another system
is asked. Its first step is run again where a run died in between; it finds by the key what it had begun.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Awaitable
from dataclasses import replace

from offhook.contracts.events import ToolAnswer, ToolRequest
from offhook.contracts.plan import ToolSpec
from offhook.errors import Conflict, Invalid, NotFound
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.agents.schemas import Agent
from offhook.orchestrator.agents.trials import ops as trials
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.calls.schemas import CallRecord
from offhook.orchestrator.crm.schemas import By
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tools.builtin import TOOLS, Later, Made, Work
from offhook.orchestrator.tools.repo import ToolRunRepo


def specs(agent: Agent, base_url: str) -> dict[str, ToolSpec]:
    """The tools of a plan: all built-in ones, and the agent's own names for them."""
    names = {name: name for name in TOOLS} | agent.tools
    return {
        name: ToolSpec.model_validate({"url": f"{base_url}/v1/tools/{name}", "effect": TOOLS[target][0]})
        for name, target in names.items()
        if target in TOOLS
    }


async def run(given: Services, request: ToolRequest) -> ToolAnswer:
    """Run it and answer; NotFound where call, owner or tool are not there.

    A test call's tools answer from fakes, once per key like all others.
    """
    tenant, agent_id = agents.split_ref(request.ref)
    async with given.database.tenant(tenant) as scope:
        call = await calls.ensure(scope, request.call, agent_id)
        agent = await _agent(scope, agent_id, call)
        effect, tool = TOOLS.get(agent.tools.get(request.tool, request.tool), ("read", None))
        if tool is None:
            raise NotFound("no such tool")
        now, repo = given.clock(), ToolRunRepo(scope)
        secret = given.settings.secret.get_secret_value()
        # None of ours needs what was keyed in secret, and what none gets none can keep.
        args = {name: value for name, value in request.args.items() if name not in request.secure}
        if effect == "write":
            before = await repo.begin(request.key, call.id, request.tool, _fingerprint(request, secret))
            if before is not None:
                return before
        work = Work(scope, given, agent, By(kind="call", id=call.id), call.caller, args, now, secret, request.key)
        if call.test:
            done: ToolAnswer | Later = await trials.answer(scope, call.id, request.tool, args, request.key, now)
        else:
            done = await _answer(scope, tool(work))
        if effect == "write":
            await _keep(repo, request.key, done)
    while isinstance(done, Later):
        found = await done.between()
        async with given.database.tenant(tenant) as scope:
            repo = ToolRunRepo(scope)
            before = await repo.left(request.key)
            if before is not None and done.answer is None:
                return before
            done = await _answer(scope, done.then(replace(work, scope=scope), found))
            await _keep(repo, request.key, done)
    return done


async def _keep(repo: ToolRunRepo, key: str, done: ToolAnswer | Later) -> None:
    answer = done.answer if isinstance(done, Later) else done
    if answer is not None:
        await repo.finish(key, answer)


async def forget(scope: TenantScope, call: str) -> None:
    """Delete what tools were asked and answered in a call that is being deleted."""
    await ToolRunRepo(scope).forget(call)


async def _agent(scope: TenantScope, id: str, call: CallRecord) -> Agent:
    """The agent as the call has it: a call goes on with the version that it began with."""
    if call.agent_id != id:
        raise NotFound("no such call")
    if call.test:
        return (await trials.of_call(scope, call.id)).agent
    return await (agents.live(scope, id) if call.agent_version is None else agents.version(scope, id, call.agent_version))


async def _answer(scope: TenantScope, step: Awaitable[Made]) -> ToolAnswer | Later:
    """What the step gives, or the kind of its failure, with nothing of a failed step left behind."""
    try:
        async with scope.session.begin_nested():
            made = await step
    except Conflict:
        return ToolAnswer(error="conflict")
    except (Invalid, NotFound):
        return ToolAnswer(error="rejected")
    return made if isinstance(made, ToolAnswer | Later) else ToolAnswer(values=made)


def _fingerprint(request: ToolRequest, secret: str) -> str:
    """Keyed: four digits that were keyed in secret could be found out from a plain hash."""
    text = json.dumps([request.call, request.tool, request.args], sort_keys=True, ensure_ascii=True)
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
