"""docs/howto/use-a-language-model.md, command by command, against the vendors' doubles: an engine alone, and an agent of a business."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import HttpUrl, SecretStr
from ruamel.yaml import YAML
from tests.e2e.business import SECRET, House
from tests.e2e.test_cli_commands import Terminal, terminal
from typer.testing import CliRunner

from offhook.cli.main import app
from offhook.contracts.plan import CallPlan
from offhook.core.audio.format import PCM16_8K
from offhook.engine.engine import running
from offhook.engine.lineup import Lineup
from offhook.engine.settings import EngineSettings
from offhook.ports.transport import CallStart
from offhook.registry import ProviderContext
from offhook.testing.bench.stage import engine
from offhook.testing.carrier import TwilioLine
from offhook.testing.vendors._brain import Asked
from offhook.testing.vendors._ear import Said
from offhook.testing.vendors.server import Scenario, Vendors
from offhook.transports.loopback import Loopback
from offhook.weights import ModelStore

__all__ = ["terminal"]
pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]
ROOT = Path(__file__).parents[2]
HOWTO = ROOT / "docs" / "howto" / "use-a-language-model.md"
CLOUD = ROOT / "examples" / "receptionist" / "cloud.yaml"
VOICE = "f786b574-daa5-4673-aa0c-cbe3e8534c02"
ODD = "my neighbour said you folk could maybe sort out something for me"
"""What the rules of the example make nothing of."""
SAYS = "That is kind of them. I am glad to hear it from you."
SPEECH_S = 2.0
LOUD, QUIET = b"\x10\x90", b"\xff\xff"


def commands(starts: str) -> list[str]:
    """Lines of the how-to's shell examples that begin so; those that go on in the next line are one."""
    blocks = re.findall(r"```sh\n(.*?)```", HOWTO.read_text(encoding="utf-8"), re.DOTALL)
    lines = re.sub(r" *\\\n *", " ", "\n".join(blocks)).splitlines()
    return [line.partition("   #")[0].strip() for line in lines if line.startswith(starts)]


def words_of(command: str) -> tuple[list[str], str]:
    """What comes after ``offhook``, and the file that the output goes to."""
    line, _, file = command.partition(" > ")
    return shlex.split(line)[1:], file.strip()


def made(command: str) -> dict[str, Any]:
    """The plan that a command prints."""
    words, _ = words_of(command)
    done = CliRunner().invoke(app, [str(ROOT / word) if word.startswith("examples/") else word for word in words])
    assert done.exit_code == 0, done.output
    plan: dict[str, Any] = json.loads(done.stdout)
    return plan


def chatty(asked: Asked) -> str:
    """A model that says something nice and proposes nothing."""
    acts = {"acts": [{"act": "chitchat"}], "say": SAYS}
    return json.dumps(acts) if asked.schema is not None else SAYS


@asynccontextmanager
async def doubles() -> AsyncIterator[Vendors]:
    async with Vendors() as vendors:
        vendors.scenario("deepgram", Scenario(options={"say": [Said(ODD, SPEECH_S)] * 20}))
        vendors.scenario("openai", Scenario(options={"reply": chatty}))
        yield vendors


async def said_all(line: TwilioLine) -> None:
    """Wait until the agent has spoken and is silent again."""
    with anyio.fail_after(150):
        while not any(line.loud) or any(line.loud[-40:]):
            await anyio.sleep(0.02)


def check_vendors(vendors: Vendors) -> None:
    """The recogniser, the model and the voice of the plan were asked, and asked right."""
    assert any(one.path.endswith("/v2/listen") for one in vendors.sent("deepgram", "open"))
    chats = [one.json for one in vendors.sent("openai", "http") if one.data]
    assert {one["model"] for one in chats} == {"gpt-4.1-mini"}
    assert any(ODD in json.dumps(one["messages"]) for one in chats)
    said = [one.json for one in vendors.sent("cartesia", "text") if one.json.get("transcript")]
    assert {(one["model_id"], one["voice"]["id"]) for one in said} == {("sonic-3", VOICE)}
    spoken = "".join(one["transcript"] for one in said)
    assert "That is kind of them." in spoken
    assert any(line in spoken for line in ("Okay,", "Sure,", "Right,"))


async def test_an_engine_alone_with_vendors_and_a_model(tmp_path: Path) -> None:
    command = next(one for one in commands("offhook script plan") if "--llm openai:" in one)
    plan = made(command)
    assert words_of(command)[1] in next(one for one in commands("offhook engine"))
    async with doubles() as vendors, engine(plan, tmp_path, env=vendors.env()) as running_engine:
        async with running_engine.ring() as (line, call):
            await said_all(line)
            line.play(LOUD * round(SPEECH_S * 4_000))
            with anyio.fail_after(150):
                while not any(one.json.get("transcript", "").startswith("That is kind") for one in vendors.sent("cartesia", "text")):
                    await anyio.sleep(0.05)
                # What was begun on the first words of the turn may be thrown away: the answer is that to all of them.
                while not any(ODD in json.dumps(one.json["messages"]) for one in vendors.sent("openai", "http") if one.data):
                    await anyio.sleep(0.05)
            await said_all(line)
        trace = running_engine.trace(call)
        with anyio.fail_after(150):
            while not trace.exists() or '"by": "model"' not in trace.read_text(encoding="utf-8"):
                await anyio.sleep(0.05)
        check_vendors(vendors)


def test_a_server_of_ones_own() -> None:
    plan = made(commands("offhook script plan")[-1])
    assert CallPlan.model_validate({**plan, "call": "x"}).models.llm == ("vllm:qwen3-8b",)
    assert any("VLLM_BASE_URL" in line for line in commands("export"))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--stt", "deepgrm"), "did you mean 'deepgram'"),
        (("--voice", "cartesia=x"), "does not say whose it is"),
        (("--voice", "heart"), "does not say whose it is"),
    ],
)
def test_a_plan_that_nobody_could_carry_out(words: tuple[str, ...], told: str) -> None:
    done = CliRunner().invoke(
        app, ["script", "plan", str(ROOT / "examples/receptionist/receptionist.yaml"), *words], env={"COLUMNS": "250"}
    )
    assert done.exit_code == 2
    assert told in re.sub(r"\s+", " ", done.stderr)


# -- a business ---------------------------------------------------------------------------------------------------------------


def with_parts(document: Path, parts: Path) -> None:
    """Put the parts of one file in the place of the same parts of another, as an editor would: the script stays as it is."""
    given = YAML(typ="safe", pure=True).load(parts.read_text(encoding="utf-8"))
    text = document.read_text(encoding="utf-8")
    for name in given:
        text = re.sub(rf"^{name}:.*\n(?:[ -].*\n)*", "", text, flags=re.MULTILINE)
    head, _, rest = text.partition("\n")
    document.write_text(f"{head}\n{parts.read_text(encoding='utf-8')}{rest}", encoding="utf-8")


async def test_a_business_with_vendors_and_a_model(terminal: Terminal, house: House, tmp_path: Path) -> None:
    steps = [shlex.split(one.replace("AGENT", "front-desk"))[1:] for one in commands("offhook agents")]
    assert [one[1] for one in steps] == ["pull", "check", "push", "call", "publish"]
    pull, check, push, call, publish = steps
    await terminal.do(*pull)
    with_parts(Path("agent.yaml"), CLOUD)
    done = await terminal.run(*check)
    assert done.exit_code == 0, done.output
    assert "neither the tenant nor its reseller has an account with cartesia" in done.stderr
    wrong = CLOUD.read_text(encoding="utf-8").replace('prefer: ["anthropic', 'prefer: ["antropic')
    Path("wrong.yaml").write_text(wrong, encoding="utf-8")
    Path("broken.yaml").write_text(Path("agent.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    with_parts(Path("broken.yaml"), Path("wrong.yaml"))
    told = await terminal.fails("agents", "check", "broken.yaml")
    assert re.search(r"broken.yaml:\d+: providers.routes.0.prefer.0: 'antropic:[^']*' is not in providers.llm", told)

    await terminal.do(*push)
    before = await house.plan()
    assert before["models"]["llm"] == []
    async with doubles() as vendors:
        await voice_test(terminal, house, vendors, (await terminal.json(*call))["token"], tmp_path / "engine")
        check_vendors(vendors)
    await terminal.do(*publish)
    live = CallPlan.model_validate(await house.plan())
    assert live.models.voices == {"cartesia": VOICE, "deepgram": "thalia", "local": "heart"}
    assert [one.name for one in live.models.routes] == ["long stories", "ahead of the decision"]
    assert live.openers.on


async def answered(call: Loopback, turns: int) -> None:
    """Wait until the agent has had so many turns, to their end."""
    with anyio.fail_after(150):
        while not call.ended and sum(one.get("type") == "agent" for one in call.shown) < turns:
            await anyio.sleep(0.02)


async def voice_test(terminal: Terminal, house: House, vendors: Vendors, token: str, folder: Path) -> None:
    """Ring with the token of a voice test, let the greeting pass, say one thing, and wait for the model's words."""
    settings = EngineSettings(
        orchestrator_url=HttpUrl(terminal.url), secret=SecretStr(SECRET), state_dir=folder, plan_timeout_s=60, warm=()
    )
    call = Loopback(PCM16_8K, start=CallStart(transport="browser", token=token))
    loud = b"\x00\x20\x00\xe0" * 80
    talking = 0

    async def talker() -> None:
        nonlocal talking
        begin, frames = anyio.current_time(), 0
        while not call.ended:
            call.say(loud if talking else bytes(320))
            talking, frames = max(0, talking - 1), frames + 1
            await anyio.sleep_until(begin + frames * 0.02)

    async def caller() -> None:
        nonlocal talking
        await answered(call, 1)
        talking = round(SPEECH_S * 50)
        await answered(call, 2)
        call.hang_up()

    async with (
        running(settings, lambda pool: Lineup(ProviderContext(pool, ModelStore(None), vendors.env()))) as media,
        anyio.create_task_group() as group,
    ):
        group.start_soon(call.run)
        group.start_soon(talker)
        group.start_soon(caller)
        await media.take(call)
