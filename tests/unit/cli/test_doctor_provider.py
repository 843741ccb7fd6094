"""``offhook doctor --provider`` against fakes in virtual time, where figures are exact, and against the vendors' doubles."""

from __future__ import annotations

import math
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import anyio
import pytest
from anyio.from_thread import start_blocking_portal
from typer.testing import CliRunner

from offhook import registry
from offhook.cli import doctor_provider as doctor
from offhook.cli.main import app
from offhook.errors import ConfigError, ProviderError, Timeout, Unavailable
from offhook.regions import HOSTS
from offhook.testing.clock import VIRTUAL_TIME
from offhook.testing.fakes import FakeStt, FakeTts, Mouthpiece, SttScript, TtsScript, Utterance
from offhook.testing.vendors.server import Door, Latency, Scenario, Vendors
from offhook.weights import ModelStore

T = TypeVar("T")
TONE = doctor.Clip(struct.pack("<16000h", *(int(8_000 * math.sin(2 * math.pi * 440 * n / 16_000)) for n in range(16_000))))
"""A second of sound."""
KEYS = {"OPENAI_API_KEY": "sk-very-s3cret", "CARTESIA_API_KEY": "very-s3cret", "DEEPGRAM_API_KEY": "very-s3cret"}


async def clip() -> doctor.Clip:
    """A quarter of it: against the doubles it is spoken in real time."""
    return doctor.Clip(TONE.pcm[:8_000])


def virtually(work: Callable[[], Awaitable[T]]) -> T:
    async def main() -> T:
        return await work()

    return anyio.run(main, backend_options=dict(VIRTUAL_TIME[1]))


@contextmanager
def vendors(**scenarios: Scenario) -> Iterator[Vendors]:
    """The doubles, on a loop of their own: the command has its own too."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(Vendors()) as found:
        for name, scenario in scenarios.items():
            found.scenario(name, scenario)
        yield found


def told(order: doctor.Order, env: dict[str, str], capsys: pytest.CaptureFixture[str]) -> tuple[bool, str]:
    good = doctor.report(order, clip, env, ModelStore(None))
    return good, capsys.readouterr().out


# -- exact ------------------------------------------------------------------------------------------------------------------


def test_a_recogniser_is_measured_from_the_first_and_the_last_sample() -> None:
    mouth = Mouthpiece([Utterance(0, 8_000, "good morning to you all there")])
    script = SttScript(partial_every=0.4, partial_delay=0.1, final_delay=0.08)
    found = virtually(lambda: doctor.measure_stt(FakeStt(mouth, script), TONE))
    assert {step: round(seconds, 3) for step, seconds in found.items()} == {
        "connect": 0.0, "first words": 0.5, "final words": 0.08, "whole": 1.08,
    }  # fmt: skip


def test_the_speech_ends_where_the_sound_does() -> None:
    assert doctor.without_silence(TONE.pcm + bytes(9_000)) == doctor.without_silence(TONE.pcm)
    assert len(TONE.pcm) - len(doctor.without_silence(TONE.pcm)) < 8
    assert doctor.without_silence(bytes(100)) == b""


def test_a_recogniser_that_says_nothing_is_not_waited_for_for_ever() -> None:
    with pytest.raises(Timeout, match="no final words"):
        virtually(lambda: doctor.measure_stt(FakeStt(Mouthpiece(), SttScript(deaf=True)), TONE))


def test_a_recogniser_that_breaks_is_told() -> None:
    with pytest.raises(Unavailable):
        virtually(lambda: doctor.measure_stt(FakeStt(Mouthpiece(), SttScript(fail_after=0.3)), TONE))


def test_a_voice_is_measured_to_its_first_audio() -> None:
    found = virtually(lambda: doctor.measure_tts(FakeTts(TtsScript(first_byte=0.09)), ""))
    assert {step: round(seconds, 6) for step, seconds in found.items()} == {"connect": 0.0, "first audio": 0.09, "whole": 0.09}


def test_a_voice_without_sound_is_an_error() -> None:
    with pytest.raises(ProviderError, match="without a sound"):
        virtually(lambda: doctor.measure_tts(FakeTts(TtsScript(seconds_per_word=0.0)), ""))


# -- the table --------------------------------------------------------------------------------------------------------------


def test_the_table_says_what_is_over_the_budget() -> None:
    table = doctor.Table("llm", "llm openai:x, 5 runs")
    for token in (0.15, 0.16, 0.17, 0.18, 0.9):
        table.add({"connect": 0.04, "first token": token, "first clause": 0.25})
    table.errors += ["llm/openai: gone"] * 2 + ["llm/openai: late"]
    assert list(table.lines()) == [
        "llm openai:x, 5 runs",
        "                      p50      p95   budget",
        "  connect           40 ms    40 ms        -  while the line rings",
        "  first token      170 ms   900 ms   180 ms  within",
        "  first clause     250 ms   250 ms   210 ms  over by 40 ms",
        "  failed 2 times: llm/openai: gone",
        "  failed: llm/openai: late",
    ]


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.95, 95), (0.01, 1), (1.0, 100)])
def test_nearest_ranks(share: float, value: int) -> None:
    assert doctor.at(list(range(100, 0, -1)), share) == value
    assert doctor.at([7], share) == 7


# -- names, keys, regions -----------------------------------------------------------------------------------------------------


def test_a_name_stands_for_all_its_kinds() -> None:
    assert doctor.kinds_of("deepgram:nova-3", ()) == ("stt", "tts")
    assert doctor.kinds_of("deepgram-flux", ()) == ("stt",)
    assert doctor.kinds_of("deepgram", ("tts",)) == ("tts",)
    with pytest.raises(ConfigError, match=r"no llm provider is called 'deepgram'.*openai"):
        doctor.kinds_of("deepgram", ("llm",))


def test_regions_by_name_and_by_address() -> None:
    spec = registry.spec("stt", "deepgram")
    assert doctor.settled(spec, "", {"A": "b"}) == ({"A": "b"}, "")
    assert doctor.settled(spec, "eu", {}) == ({"DEEPGRAM_BASE_URL": "https://api.eu.deepgram.com"}, "api.eu.deepgram.com")
    assert doctor.settled(spec, "https://stt.example.com/x", {})[1] == "stt.example.com"
    with pytest.raises(ConfigError, match=r"no region 'mars': it knows us, eu, au, in"):
        doctor.settled(spec, "mars", {})
    with pytest.raises(ConfigError, match="has no regions"):
        doctor.settled(registry.spec("tts", "local"), "eu", {})


def test_every_region_that_is_known_belongs_to_a_setting_of_a_provider() -> None:
    settings = {name.upper() for kind in doctor.KINDS for spec in registry.specs(kind).values() for name in spec.settings}
    assert set(HOSTS) <= settings
    assert all(base.startswith("https://") for hosts in HOSTS.values() for base in hosts.values())


def test_a_missing_key_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    answer = CliRunner().invoke(app, ["doctor", "--provider", "openai:gpt-4.1-mini"])
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert answer.stderr.strip() == "OPENAI_API_KEY is not set: llm/openai needs it"


def test_a_name_that_is_none_is_one_sentence() -> None:
    answer = CliRunner().invoke(app, ["doctor", "--provider", "nobody"])
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert "called 'nobody'" in answer.stderr
    assert answer.stderr.strip().count("\n") == 0


# -- against the doubles ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "kind", "vendor"),
    [("openai:gpt-4.1-mini", "llm", "openai"), ("cartesia", "tts", "cartesia"), ("deepgram", "stt", "deepgram")],
)
def test_a_wrong_key_is_one_sentence_and_is_asked_once(provider: str, kind: Any, vendor: str, capsys: pytest.CaptureFixture[str]) -> None:
    with vendors() as doubles:
        good, out = told(doctor.Order(provider, (kind,), voice="a-voice"), {**doubles.env(), **KEYS}, capsys)
    assert not good
    title, sentence = out.splitlines()
    assert sentence.strip() == f"failed: {kind}/{vendor}: the key is missing, wrong or not allowed to do this"
    assert "s3cret" not in out
    assert len(doubles.sent(vendor, "open") + [one for one in doubles.sent(vendor, "http") if one.path != "/models"]) == 1
    assert title == f"{kind} {provider} (127.0.0.1), 5 runs"


def test_a_model_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    slow = Scenario(options={"reply": "Yes, we are open until one. Come by.", "first_token": Latency(0.05)})
    with vendors(openai=slow) as doubles:
        good, out = told(doctor.Order("openai:gpt-4.1-mini", runs=3), doubles.env(), capsys)
    assert good
    assert [line.split("  ")[1].strip() for line in out.splitlines()[2:]] == ["connect", "first token", "first clause", "whole"]
    assert "failed" not in out


def test_an_answer_of_one_clause_is_told_in_its_order(capsys: pytest.CaptureFixture[str]) -> None:
    with vendors(openai=Scenario(options={"reply": "Yes"})) as doubles:
        good, out = told(doctor.Order("openai:gpt-4.1-mini", runs=1), doubles.env(), capsys)
    assert good
    assert [line.split("  ")[1].strip() for line in out.splitlines()[2:]] == ["connect", "first token", "first clause", "whole"]


@pytest.mark.parametrize(
    ("provider", "kind"), [("deepgram:nova-3", "stt"), ("deepgram:aura-2-thalia-en", "tts"), ("deepgram:thalia", "tts")]
)
def test_a_model_is_measured_as_what_it_is(provider: str, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    with vendors() as doubles:
        good, out = told(doctor.Order(provider, ("tts",) if provider.endswith("thalia") else (), runs=1), doubles.env(), capsys)
    assert good
    assert [line.split()[0] for line in out.splitlines() if not line.startswith(" ")] == [kind]
    assert ("s of it" in out) is (kind == "stt")


def test_a_model_of_no_kind_and_a_voice_that_nobody_named(capsys: pytest.CaptureFixture[str]) -> None:
    with vendors() as doubles:
        with pytest.raises(ConfigError, match="is a model of the recogniser's"):
            told(doctor.Order("deepgram:nova-3", ("tts",)), doubles.env(), capsys)
        with pytest.raises(ConfigError, match="deepgram_flux"):
            told(doctor.Order("deepgram:flux-general-en"), doubles.env(), capsys)
        with pytest.raises(ConfigError, match="--voice, or set CARTESIA_VOICE"):
            told(doctor.Order("cartesia:sonic-3"), doubles.env(), capsys)
        good, _ = told(
            doctor.Order("cartesia:sonic-3", runs=1), {**doubles.env(), "CARTESIA_VOICE": "694f9389-aac1-45b6-b726-9d9369183238"}, capsys
        )
        assert good


VENDORS = (
    ("stt", "deepgram:nova-3"),
    ("stt", "deepgram_flux"),
    ("stt", "assemblyai"),
    ("llm", "anthropic:claude-haiku-4-5"),
    ("llm", "groq:llama-3.3-70b-versatile"),
    ("llm", "cerebras:gpt-oss-120b"),
    ("tts", "cartesia"),
    ("tts", "elevenlabs"),
    ("tts", "deepgram"),
)
LAST = {"stt": "final words", "llm": "first clause", "tts": "first audio"}


@pytest.mark.parametrize(("kind", "provider"), VENDORS)
def test_every_vendor_is_measured(kind: Any, provider: str, capsys: pytest.CaptureFixture[str]) -> None:
    voice = {"cartesia": "694f9389-aac1-45b6-b726-9d9369183238", "elevenlabs": "21m00Tcm4TlvDq8ikWAM"}.get(provider, "")
    with vendors() as doubles:
        good, out = told(doctor.Order(provider, (kind,), runs=1, voice=voice), doubles.env(), capsys)
    assert "failed" not in out
    assert good
    assert f"\n  {LAST[kind]} " in out
    assert not any(value and value in out for name, value in doubles.env().items() if name.endswith("_KEY"))


def test_runs_that_fail_are_counted_beside_those_that_do_not(capsys: pytest.CaptureFixture[str]) -> None:
    with vendors(openai=Scenario(door=Door("status", 500, times=4))) as doubles:
        good, out = told(doctor.Order("openai:gpt-4.1-mini", runs=3), doubles.env(), capsys)
    assert good
    assert "failed 2 times: llm/openai: the vendor answered 500" in out
    assert "first token" in out


def test_a_region_is_measured_at_its_address(capsys: pytest.CaptureFixture[str]) -> None:
    with vendors() as doubles:
        env = {name: value for name, value in doubles.env().items() if name.endswith("_KEY")}
        good, out = told(doctor.Order("openai:gpt-4.1-mini", regions=(doubles.base("openai"),), runs=1), env, capsys)
    assert good
    assert out.startswith("llm openai:gpt-4.1-mini (127.0.0.1), 1 run\n")


def test_both_kinds_of_a_vendor_in_two_regions(capsys: pytest.CaptureFixture[str]) -> None:
    asked = []

    async def once() -> doctor.Clip:
        asked.append(1)
        return await clip()

    with vendors() as doubles:
        base = doubles.base("deepgram")
        order = doctor.Order("deepgram", regions=(base, base.replace("127.0.0.1", "localhost")), runs=1)
        assert doctor.report(order, once, doubles.env(), ModelStore(None))
    titles = [line for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    assert titles == [f"{kind} deepgram ({host}), 1 run" for kind in ("stt", "tts") for host in ("127.0.0.1", "localhost")]
    assert asked == [1]
