"""``offhook doctor``: check each part, and say what to do about what is wrong."""

from __future__ import annotations

import difflib
import os
import re
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import anyio
import httpx
import psycopg
import typer
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from offhook import registry
from offhook.cli import doctor_provider, doctor_ways
from offhook.cli.api import choose_login
from offhook.cli.doctor_line import Grade, Line
from offhook.core.audio.format import PCM16_16K
from offhook.core.audio.frame import PcmFrame
from offhook.engine.settings import EngineSettings
from offhook.errors import ConfigError, OffhookError
from offhook.inference import InferencePool
from offhook.orchestrator.db import libpq
from offhook.orchestrator.embedded import EmbeddedPostgres, programs
from offhook.orchestrator.settings import OrchestratorSettings
from offhook.ports.stt import Heard, Stt, SttHints
from offhook.ports.tts import Tts
from offhook.weights import KNOWN, ModelFile, ModelStore

OLDEST_PYTHON = (3, 11)
SENTENCE = "Good morning, I would like to book an appointment for Tuesday."
UNDERSTOOD = 0.7
"""Share of the sentence's words that must come back; on a machine in order it is 1."""
ROUND_TRIP_S = 60.0
MB = 1_000_000


# -- the installation -------------------------------------------------------------------------------------------------------


def python_version(version: tuple[int, int, int] | None = None) -> Line:
    """Whether this Python is new enough."""
    found = version or sys.version_info[:3]
    told = ".".join(map(str, found))
    if found[:2] < OLDEST_PYTHON:
        return Line("fail", "python", told, "install Python 3.11 or later and make the virtual environment anew")
    return Line("ok", "python", told)


def packages(requirements: list[str] | None = None) -> Iterator[Line]:
    """Whether what offhook needs is there, in a version that will do. Requirements with conditions are pip's business."""
    if requirements is None:
        try:
            requirements = metadata.requires("offhook") or []
        except metadata.PackageNotFoundError:
            yield Line("fail", "packages", "offhook itself is not installed", "run: make install")
            return
    count = 0
    for requirement in requirements:
        match = re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*])?(?:(>=|==)([0-9.]+))?\s*$", requirement)
        if match is None:
            continue
        name, relation, wanted = match.groups()
        try:
            there = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield Line("fail", f"package {name}", "not installed", "run: make install")
            continue
        if wanted and ((relation == "==" and there != wanted) or (relation == ">=" and _numbers(there) < _numbers(wanted))):
            yield Line("fail", f"package {name}", f"{there}, needed is {relation}{wanted}", "run: make install")
            continue
        count += 1
    yield Line("ok", "packages", f"{count} there")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:4])


def models(store: ModelStore, files: tuple[ModelFile, ...] = KNOWN) -> Iterator[Line]:
    """Whether each model is there and has the content that was measured."""
    for file in files:
        try:
            path = store.locate(file)
        except ConfigError as error:
            head, _, rest = error.public.partition("; ")
            yield Line("fail", f"model {file.name}", head.partition(f"{file.name}: ")[2] or head, rest or "run: make install")
        else:
            yield Line("ok", f"model {file.name}", f"{path.stat().st_size / MB:.1f} MB, sha256 {file.sha256[:12]}")


# -- settings ---------------------------------------------------------------------------------------------------------------


def settings_of(kind: type[BaseSettings], what: str) -> tuple[BaseSettings | None, list[Line]]:
    """A process's settings from the environment, and a line for each that is not as it comes. Secrets are masked."""
    prefix = str(kind.model_config.get("env_prefix", ""))
    try:
        found = kind()
    except ValidationError as error:
        lines = []
        for each in error.errors():
            name = prefix + "_".join(str(part) for part in each["loc"]).upper() if each["loc"] else prefix.rstrip("_")
            if each["type"] == "missing":
                lines.append(Line("warn", what, f"{name} is not set", "`offhook up` makes its own; for separate processes set it"))
            else:
                lines.append(Line("fail", what, f"{name}: {each['msg']}", f"correct or unset {name}"))
        return None, lines
    changed = found.model_dump(exclude_defaults=True)
    lines = [Line("ok", what, f"{name} = {value}") for name, value in changed.items()]
    return found, lines or [Line("ok", what, "all as they come")]


# -- the machine ------------------------------------------------------------------------------------------------------------


def port(what: Literal["orchestrator", "engine"], host: str, number: int) -> Line:
    """Whether a port is free, or offhook already listens there."""
    name = f"port {number}"
    host = "127.0.0.1" if host in {"0.0.0.0", "::", ""} else host  # noqa: S104 - compared, not bound
    with socket.socket() as probe:
        probe.settimeout(2)
        if probe.connect_ex((host, number)) != 0:
            return Line("ok", name, f"free for the {what}")
    answer = _health(host, number)
    if "capacity" in answer if what == "engine" else answer.get("status") == "ok":
        return Line("ok", name, f"offhook's {what} is running there")
    return Line("fail", name, "another program listens there", f"stop it, or set OFFHOOK_{what.upper()}_PORT to a free port")


def engine_findings(host: str, number: int) -> Iterator[Line]:
    """What a running engine itself says is wrong with it."""
    found = _health("127.0.0.1" if host in {"0.0.0.0", "::", ""} else host, number).get("findings")  # noqa: S104 - compared, not bound
    for one in found if isinstance(found, list) else []:
        if isinstance(one, dict):  # another program may answer there
            grade: Grade = "fail" if one.get("grade") == "fail" else "warn"
            yield Line(grade, f"engine {one.get('name', '')}", str(one.get("told", "")), str(one.get("todo", "")))


def _health(host: str, number: int) -> dict[str, Any]:
    """What a process says of itself; empty where none answers."""
    try:
        answer = httpx.get(f"http://{host}:{number}/healthz", timeout=2, trust_env=False).json()
    except (httpx.HTTPError, ValueError):
        return {}
    return answer if isinstance(answer, dict) else {}


def disk(folder: Path) -> Line:
    """Whether there is room for recordings and the database."""
    place = folder.resolve()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    told = f"{free / 1e9:.1f} GB free for {folder}"
    if not os.access(place, os.W_OK):
        return Line("fail", "disk", f"{place} cannot be written", "choose another place with --state-dir")
    if free < 500 * MB:
        return Line("fail", "disk", told, "make room: the database stops when the disk is full")
    if free < 5_000 * MB:
        return Line("warn", "disk", told, "a recorded hour takes about 230 MB: make room or choose another --state-dir")
    return Line("ok", "disk", told)


def clock(now: datetime, installed: datetime) -> Line:
    """Whether the clock may be right: signatures, bookings and tokens depend on it."""
    told = now.strftime("%Y-%m-%d %H:%M:%S UTC")
    if now < installed:
        return Line("fail", "clock", f"{told} is before offhook was installed", "set the clock; timedatectl set-ntp true keeps it right")
    return Line("ok", "clock", told)


def _installed() -> datetime:
    return datetime.fromtimestamp(Path(__file__).stat().st_mtime, UTC)


def chromium() -> Line:
    """Whether the browser tests can run."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        return Line("warn", "chromium", "not there", "only `make test-browser` needs it: install the system package chromium")
    return Line("ok", "chromium", found)


# -- the database -----------------------------------------------------------------------------------------------------------


def database(url: str | None, now: Callable[[], float] = time.time) -> Line:
    """Whether the configured database can be reached, or an embedded one be started."""
    if url is None:
        return _embedded()
    try:
        with psycopg.connect(libpq(url), connect_timeout=5) as connection:
            row = connection.execute("select extract(epoch from now())::float8, current_setting('server_version')").fetchone()
    except psycopg.Error as error:
        told = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return Line("fail", "database", re.sub(r"://[^@\s]*@", "://...@", told), "check OFFHOOK_DATABASE_URL and that Postgres is running")
    if row is None:
        return Line("fail", "database", "gave no answer", "check that it is a Postgres")
    off = abs(now() - row[0])
    if off > 30:
        return Line("warn", "database", f"its clock is {off:.0f} s off ours", "set both clocks: bookings would be seconds or hours wrong")
    return Line("ok", "database", f"Postgres {row[1]} answers")


def _embedded() -> Line:
    begun = time.monotonic()
    try:
        programs()
        with tempfile.TemporaryDirectory(prefix="offhook-doctor-") as folder, EmbeddedPostgres(Path(folder), durable=False) as server:
            version = server.sql("show server_version").strip().splitlines()[-1].strip()
    except (ConfigError, OSError) as error:
        told = error.public if isinstance(error, ConfigError) else str(error)
        return Line("fail", "database", told, "run: make install, or set OFFHOOK_DATABASE_URL to a Postgres of yours")
    return Line("ok", "database", f"embedded Postgres {version} starts and stops in {time.monotonic() - begun:.1f} s")


# -- speech -----------------------------------------------------------------------------------------------------------------


async def round_trip(store: ModelStore, tts: str = "local", stt: str = "local", *, clock: Callable[[], float] = time.monotonic) -> Line:
    """Whether the voice speaks and the recogniser hears it back, and by ``clock`` in less time than the speech takes."""
    todo = "look at the model lines above; reinstall with: make install"
    try:
        with anyio.fail_after(ROUND_TRIP_S):
            async with InferencePool() as pool:
                context = registry.ProviderContext(pool, store, dict(os.environ))
                voice = cast("Tts", await anyio.to_thread.run_sync(registry.load, "tts", tts, context))
                ear = cast("Stt", await anyio.to_thread.run_sync(registry.load, "stt", stt, context))
                begun = clock()
                pcm = await _speak(voice, SENTENCE)
                spoke = clock() - begun
                begun = clock()
                heard = await _hear(ear, pcm)
                took = clock() - begun
                await ear.aclose()
                await voice.aclose()
    except TimeoutError:
        return Line("fail", "speech", f"nothing after {ROUND_TRIP_S:.0f} s", "the machine is too slow or busy for the embedded models")
    except OffhookError as error:
        return Line("fail", "speech", error.public, todo)
    seconds = len(pcm) / 2 / 16_000
    told = f"{seconds:.1f} s of speech made in {spoke:.2f} s, heard back in {took:.2f} s as {heard!r}"
    if not pcm or _alike(SENTENCE, heard) < UNDERSTOOD:
        return Line("fail", "speech", told, todo)
    if spoke + took > seconds:
        return Line("warn", "speech", told, "slower than real time: use a faster machine or hosted speech providers")
    return Line("ok", "speech", told)


def _alike(said: str, heard: str) -> float:
    ours, theirs = (re.findall(r"[a-z0-9']+", text.casefold()) for text in (said, heard))
    same = difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks()
    return sum(block.size for block in same) / max(1, len(ours), len(theirs))


async def _speak(voice: Tts, text: str) -> bytes:
    session = await voice.open("", "en-GB", PCM16_16K)

    async def clauses() -> AsyncIterator[str]:
        yield text

    found = b"".join([speech.data async for speech in session.speak(clauses())])
    await session.aclose()
    return found


async def _hear(ear: Stt, pcm: bytes) -> str:
    session = await ear.open(PCM16_16K, "en-GB", SttHints())
    quiet = bytes(2 * 16_000 // 5)
    data = quiet + pcm + quiet
    try:
        for at in range(0, len(data), 640):
            session.push(PcmFrame(data[at : at + 640], PCM16_16K, at // 2))
            if at == 0:
                session.speech_started(len(quiet) // 2)
        session.speech_stopped((len(quiet) + len(pcm)) // 2)
        async for event in session:
            if isinstance(event, Heard) and event.final:
                return event.text
    finally:
        await session.aclose()
    return ""


# -- all of it --------------------------------------------------------------------------------------------------------------


def examine(state_dir: Path | None, quick: bool) -> Iterator[Line]:
    """Every check, in the order in which one would mend things."""
    yield python_version()
    yield from packages()
    engine, lines = settings_of(EngineSettings, "engine settings")
    yield from lines
    orchestrator, lines = settings_of(OrchestratorSettings, "orchestrator settings")
    yield from lines
    engine_settings = engine if isinstance(engine, EngineSettings) else None
    orchestrator_settings = orchestrator if isinstance(orchestrator, OrchestratorSettings) else None
    store = ModelStore(engine_settings.models_dir if engine_settings else None)
    yield from models(store)
    yield disk(state_dir or (orchestrator_settings.state_dir if orchestrator_settings else Path("var")))
    yield clock(datetime.now(UTC), _installed())
    yield port(
        "orchestrator", *((orchestrator_settings.host, orchestrator_settings.port) if orchestrator_settings else ("127.0.0.1", 8080))
    )
    at = (engine_settings.host, engine_settings.port) if engine_settings else ("127.0.0.1", 8081)
    yield port("engine", *at)
    yield from engine_findings(*at)
    yield chromium()
    if engine_settings is not None and orchestrator_settings is not None:
        yield doctor_ways.secret(engine_settings, orchestrator_settings)
    if orchestrator_settings is not None:
        yield from doctor_ways.addresses(orchestrator_settings)
    if quick:
        return
    configured = orchestrator_settings.sqlalchemy_url() if orchestrator_settings else os.environ.get("OFFHOOK_DATABASE_URL")
    yield database(configured)
    yield anyio.run(round_trip, store)


async def _clip(store: ModelStore) -> doctor_provider.Clip:
    """The sentence, said by the embedded voice."""
    async with InferencePool() as pool:
        context = registry.ProviderContext(pool, store, dict(os.environ))
        voice = cast("Tts", await anyio.to_thread.run_sync(registry.load, "tts", "local", context))
        try:
            return doctor_provider.Clip(await _speak(voice, SENTENCE))
        finally:
            await voice.aclose()


def _fallbacks(tenant: str | None, url: str | None, token: str | None) -> Iterator[Line]:
    login = choose_login(url, token)
    ours = str(os.environ.get("OFFHOOK_ORCHESTRATOR_PUBLIC_URL", ""))
    headers = {"authorization": f"Bearer {login.token}"}
    with httpx.Client(base_url=login.url, headers=headers, timeout=30, trust_env=False) as http:
        yield from doctor_ways.fallbacks(http, tenant, ours)


def main(
    state_dir: Annotated[Path | None, typer.Option(help="The folder that `offhook up` is given.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Start no database and speak nothing.")] = False,
    provider: Annotated[str, typer.Option(help="Measure this provider with its real account, such as deepgram:nova-3.")] = "",
    kind: Annotated[Literal["stt", "llm", "tts"] | None, typer.Option(help="Of a provider: only as this.")] = None,
    region: Annotated[list[str] | None, typer.Option(help="Of a provider: a region's name or address.")] = None,
    runs: Annotated[int, typer.Option(min=1, max=100, help="Of a provider: how often.")] = 5,
    voice: Annotated[str, typer.Option(help="Of a provider: the voice.")] = "",
    fallbacks: Annotated[bool, typer.Option("--fallbacks", help="Only: who takes callers of each number when we cannot.")] = False,
    tenant: Annotated[str | None, typer.Option(help="Of fallbacks: this tenant's alone.")] = None,
    url: Annotated[str | None, typer.Option(envvar="OFFHOOK_URL", help="Of fallbacks: the orchestrator.")] = None,
    token: Annotated[str | None, typer.Option(envvar="OFFHOOK_TOKEN", help="Of fallbacks: what it knows us by.")] = None,
) -> None:
    """Check each part and say what to do. Exits with 1 if something must be mended first.

    With --provider: measure one provider instead, beside what an answer can afford. With --fallbacks: ask a running orchestrator, and
    through it the carriers, what callers get when a part of us is down.
    """
    if provider:
        engine, _ = settings_of(EngineSettings, "engine settings")
        store = ModelStore(engine.models_dir if isinstance(engine, EngineSettings) else None)
        order = doctor_provider.Order(provider, (kind,) if kind else (), tuple(region or ()), runs, voice)
        doctor_provider.command(order, lambda: _clip(store), store)
        return
    grades: list[Grade] = []
    for line in _fallbacks(tenant, url, token) if fallbacks else examine(state_dir, quick):
        typer.echo(str(line))
        grades.append(line.grade)
    failed, warned = grades.count("fail"), grades.count("warn")
    typer.echo(f"{len(grades)} checks, {failed} failed, {warned} to look at")
    if failed:
        raise typer.Exit(1)
