"""What every adapter of a business system must do. Inherit ``BusinessSuite`` and say which adapter, which simulator, and what is chosen.

An adapter is spoken to through the real ``Http`` and its simulator, in virtual time and without a socket. Tests of what a system cannot do
are not collected. Every request and reply goes through the vendor's own description, where there is one.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import itertools
import json
import re
import typing
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import anyio
import httpx
import pytest
from pydantic import TypeAdapter
from tests.conformance.specs import SpecChecker
from tests.paperwork.figures import tally

from offhook.adapters.http import MOST, READ_S, TRIES, Exchange, FixedSigner, Http, Pacer
from offhook.adapters.model import Appointment, Changes, Customer, Job, Lead, Note, RecordKind, Ref
from offhook.adapters.phones import e164
from offhook.adapters.port import Adapter, Incoming, KeyAuth, Link, Manifest, OAuth
from offhook.errors import (
    AdapterConflict,
    AdapterError,
    AdapterNotFound,
    AdapterRateLimited,
    AdapterRejected,
    AdapterUnauthorized,
    AdapterUnavailable,
)
from offhook.testing.business.base import KINDS, FaultKind, Simulator
from offhook.testing.clock import VIRTUAL_TIME

RECORDINGS = Path(__file__).parent / "recordings"
NOW = datetime(2031, 2, 3, 9, 0, tzinfo=UTC)
"""When tests begin: far ahead, so that what a test plans is never past, whatever clock an adapter reads."""
VISIT = datetime(2031, 2, 6, 13, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECRET = "whsec_ZXZlcnlib2R5LWtub3dzLXRoaXMtb25l"
HOOK_URL = f"https://offhook.example/hooks/in/ten_1/con_1/{SECRET}"
NEW = Customer(name="Maggie Tulliver", phones=("+447700900123",), email="maggie@mill.example", address="1 Mill Lane, Norwich, NR1 1AA")
NAMES = (
    "Zoë O'Brien-Łukasz",
    "陳 大文",
    'Tom "the tap" Harris',
    "Smith & Sons (50% off) #1",
    "x' or '1' eq '1",
    "back\\slash, comma; semicolon=equals",
    "नमस्ते राव",
)
SIGNED = {"Authorization": "Bearer good-token-7f3a9c51"}


class Gate(httpx.AsyncBaseTransport):
    """Between adapter and simulator: counts requests, and answers itself where a test wants it to."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner = inner
        self.count = 0
        self.instead: Callable[[httpx.Request], Awaitable[httpx.Response | None]] | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.count += 1
        answer = await self.instead(request) if self.instead is not None else None
        return await self.inner.handle_async_request(request) if answer is None else answer

    def answer(self, status: int, body: bytes = b"{}", headers: Mapping[str, str] | None = None) -> None:
        """Answer this to everything."""

        async def always(_: httpx.Request) -> httpx.Response:
            await anyio.lowlevel.checkpoint()
            return httpx.Response(status, headers={"content-type": "application/json", **(headers or {})}, content=body)

        self.instead = always


class Token:
    """A signer whose first headers are wrong where ``stale``; renewing gives the right ones."""

    def __init__(self, right: Mapping[str, str], *, stale: bool = False, renews: bool = True) -> None:
        self._right = right
        self._stale = stale
        self._renews = renews
        self.renewed = 0

    async def headers(self) -> Mapping[str, str]:
        return {name: f"{value}-stale" for name, value in self._right.items()} if self._stale else self._right

    async def renew(self, used: Mapping[str, str]) -> bool:
        assert used == await self.headers()
        self.renewed += 1
        if self._renews:
            self._stale = False
        return self._renews


@dataclass
class Bench:
    """An adapter, and all that it stands on."""

    sim: Simulator
    gate: Gate
    pacer: Pacer
    exchanges: list[Exchange]
    adapter: Adapter
    http: Http


@dataclass(frozen=True)
class Write:
    """A write of the port: what has to be there first, and the write itself, given its key."""

    kind: RecordKind
    make: Callable[[BusinessSuite, Bench], Awaitable[Callable[[str], Awaitable[Ref | None]]]]
    adds: int = 1


# -- the writes, each ready to be done with any key ---------------------------------------------------------------------------------


async def _upsert(_: BusinessSuite, bench: Bench) -> Callable[[str], Awaitable[Ref]]:
    return lambda key: bench.adapter.upsert_customer(key, NEW)


async def _lead(suite: BusinessSuite, bench: Bench) -> Callable[[str], Awaitable[Ref]]:
    lead = await suite.lead(bench)
    return lambda key: bench.adapter.create_lead(key, lead)


async def _job(suite: BusinessSuite, bench: Bench) -> Callable[[str], Awaitable[Ref]]:
    job = await suite.job(bench)
    return lambda key: bench.adapter.create_job(key, job)


async def _appointment(suite: BusinessSuite, bench: Bench) -> Callable[[str], Awaitable[Ref]]:
    appointment = await suite.appointment(bench)
    return lambda key: bench.adapter.create_appointment(key, appointment)


async def _reschedule(suite: BusinessSuite, bench: Bench) -> Callable[[str], Awaitable[Ref]]:
    appointment = await suite.appointment(bench)
    made = await bench.adapter.create_appointment("before", appointment)
    moved = replace(appointment, resource=suite.RESOURCES[1], start=VISIT + 25 * HOUR, end=VISIT + 26 * HOUR)

    async def again(key: str) -> Ref:
        ref = await bench.adapter.reschedule(key, made.id, moved)
        kept = bench.sim.visit(ref.id)
        assert kept is not None
        assert (kept.resource, kept.start, kept.end) == (moved.resource, moved.start, moved.end)
        return ref

    return again


async def _cancel(suite: BusinessSuite, bench: Bench) -> Callable[[str], Awaitable[None]]:
    made = await bench.adapter.create_appointment("before", await suite.appointment(bench))

    async def again(key: str) -> None:
        await bench.adapter.cancel(key, made.id)
        assert bench.sim.visit(made.id) is None

    return again


async def _note(suite: BusinessSuite, bench: Bench) -> Callable[[str], Awaitable[Ref]]:
    note = Note(await suite.about(bench), "She wants the boiler looked at.", "https://offhook.example/r/abc", NOW)
    return lambda key: bench.adapter.add_note(key, note)


WRITES: Mapping[str, Write] = {
    "upsert_customer": Write("customer", _upsert),
    "create_lead": Write("lead", _lead),
    "create_job": Write("job", _job),
    "create_appointment": Write("appointment", _appointment),
    "reschedule": Write("appointment", _reschedule, 0),
    "cancel": Write("appointment", _cancel, -1),
    "add_note": Write("note", _note),
}


def needs(*capabilities: str, **switches: bool) -> Callable[[Any], Any]:
    """The test is for systems with all of these; ``switches``: attributes of the suite that have this value."""

    def mark(test: Any) -> Any:
        test.needs, test.switches = frozenset(capabilities), switches
        return test

    return mark


class BusinessSuite:
    """The suite."""

    ADAPTER: ClassVar[str]
    """Such as ``crm/servicem8``."""
    MODULE: ClassVar[str] = ""
    """The adapter's module, where it is not one of ours."""
    RECORDINGS: ClassVar[Path] = RECORDINGS
    """Where its recording is."""
    SIGNED: ClassVar[Mapping[str, str]] = SIGNED
    """Headers that the simulator takes for authorisation; none where the adapter signs for itself."""
    SETTINGS: ClassVar[Mapping[str, str]] = {}
    CHOSEN: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    TIMEZONE: ClassVar[str] = "Europe/London"
    REGION: ClassVar[str] = "GB"
    RESOURCES: ClassVar[tuple[str, str]] = ("", "")
    """Two calendars or members of staff that the simulator has."""
    FIELDS: ClassVar[Mapping[str, Any]] = {}
    """Values of the manifest's mappable fields, for leads."""
    ACCOUNT: ClassVar[str] = ""
    """The account's name in the simulator."""
    NOBODY: ClassVar[str] = "00000000-0000-4000-8000-000000000000"
    """An id that no record has."""
    CHECKER: ClassVar[SpecChecker | None] = None

    HANDS: ClassVar[bool] = True
    """The simulator has people's hands for customers (``add_customer`` and so on)."""
    FINDS_BY_PHONE: ClassVar[bool] = True
    FINDS_BY_EMAIL: ClassVar[bool] = True
    FINDS_BY_NAME: ClassVar[bool] = True
    REFUSES_TAKEN: ClassVar[bool] = False
    """The system itself refuses a visit at a time that is taken."""
    FORGETS: ClassVar[bool] = False
    """The system forgets cursors."""
    DELETES: ClassVar[frozenset[str]] = frozenset()
    """Kinds of records whose deletion ``changes_since`` tells: customer, job, appointment."""
    TELLS: ClassVar[frozenset[str]] = frozenset()
    """Kinds of records that ``changes_since`` tells of."""
    KEEPS_ZONES: ClassVar[tuple[str, ...]] = ("Europe/London", "Australia/Sydney", "America/St_Johns")
    HOOK_SECRET: ClassVar[str] = SECRET
    """What webhooks are checked with, where a vendor signs with a key pair of its own."""
    SIGNS: ClassVar[bool] = True
    """Webhooks are signed over their body; otherwise they carry a secret."""
    VERIFIES: ClassVar[bool] = True
    """The connection's test is a request."""

    def simulator(self, timezone: str) -> Simulator:
        """A fresh one, whose account is in this time zone."""
        raise NotImplementedError

    # -- collection ----------------------------------------------------------------------------------------------------------------

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "ADAPTER" not in cls.__dict__:
            return
        for name in dir(cls):
            test = getattr(cls, name)
            if name.startswith("test_") and callable(test):
                wanted: frozenset[str] = getattr(test, "needs", frozenset())
                switches: dict[str, bool] = getattr(test, "switches", {})
                if wanted - cls.manifest().capabilities or any(getattr(cls, one) != value for one, value in switches.items()):
                    setattr(cls, name, None)

    @classmethod
    def module(cls) -> Any:
        return importlib.import_module(cls.MODULE or "offhook.adapters." + cls.ADAPTER.replace("/", "."))

    @classmethod
    def manifest(cls) -> Manifest:
        found: Manifest = cls.module().MANIFEST
        return found

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "write" in metafunc.fixturenames:
            metafunc.parametrize("write", [one for one in WRITES if one in self.manifest().capabilities])
        if "zone" in metafunc.fixturenames:
            metafunc.parametrize("zone", self.KEEPS_ZONES)

    # -- the bench -----------------------------------------------------------------------------------------------------------------

    @pytest.fixture
    def anyio_backend(self) -> tuple[str, Mapping[str, Any]]:
        return VIRTUAL_TIME

    @pytest.fixture(autouse=True)
    def benches(self) -> Iterator[list[Bench]]:
        self._benches: list[Bench] = []
        yield self._benches
        self.check(self._benches)

    def bench(self, *, signer: Token | None = None, timezone: str = "", paced: bool = False) -> Bench:
        """A new simulator with an adapter. Requests are paced only where a test is about pace."""
        manifest = self.manifest()
        sim = self.simulator(timezone or self.TIMEZONE)
        sim.clock = now
        gate, exchanges = Gate(sim.transport()), list[Exchange]()

        async def tap(exchange: Exchange) -> None:
            await anyio.lowlevel.checkpoint()
            exchanges.append(exchange)

        pacer = Pacer(manifest.paces if paced else ())
        client = httpx.AsyncClient(transport=gate, follow_redirects=False, trust_env=False)
        http = Http(self.ADAPTER, manifest.base_url, client, signer or FixedSigner(self.SIGNED), pacer, tap=tap, now=now)
        settings = dict(self.SETTINGS)
        if manifest.hooks is not None:
            settings[manifest.hooks.secret] = self.HOOK_SECRET
        link = Link(settings, self.CHOSEN, timezone or self.TIMEZONE, self.REGION)
        made = Bench(sim, gate, pacer, exchanges, self.module().ADAPTER(http, link), http)
        self._benches.append(made)
        return made

    def check(self, benches: list[Bench]) -> None:
        """All that was said is as the vendor describes it."""
        checker = self.CHECKER
        if checker is None or not checker.there():
            return
        checked = other = 0
        wrong: list[str] = []
        for seen in itertools.chain.from_iterable(one.sim.log for one in benches):
            if not checker.covers(seen):
                other += 1
                continue
            checked += 1
            print_of = hashlib.sha256(
                repr((seen.method, seen.url, seen.body, seen.status, seen.reply, seen.fault, sorted(seen.reply_headers.items()))).encode()
            ).digest()
            if print_of not in _CHECKED.setdefault(checker.name, set()):
                found = checker.check(seen)
                wrong += found
                if not found:
                    _CHECKED[checker.name].add(print_of)
        if checked or other:
            tally(f"{self.ADAPTER} against {checker.name}", requests_validated=checked, violations=len(wrong), described_elsewhere=other)
        assert not wrong, "\n".join(dict.fromkeys(wrong))

    async def customer(self, bench: Bench) -> Customer:
        """One who is in the system already, with the id."""
        if self.HANDS:
            return replace(NEW, id=bench.sim.add_customer(NEW))
        return replace(NEW, id=(await bench.adapter.upsert_customer("customer", NEW)).id)

    async def lead(self, bench: Bench) -> Lead:
        person = await self.customer(bench)
        return Lead(
            person.id, "Boiler loses pressure", "Since last night. No hot water.", NEW.address, "today", person=person, fields=self.FIELDS
        )

    async def job(self, bench: Bench) -> Job:
        person = await self.customer(bench)
        return Job(person.id, "Boiler loses pressure", "Since last night. No hot water.", NEW.address, person=person)

    async def appointment(self, bench: Bench, start: datetime = VISIT) -> Appointment:
        """One to be made, with the job that it belongs to where the system has jobs."""
        visit = Appointment(self.RESOURCES[0], start, start + HOUR, "Boiler loses pressure", "No hot water.", NEW.address, person=NEW)
        if "create_job" not in self.manifest().capabilities:
            return replace(visit, customer=(await self.customer(bench)).id) if self.ADAPTER.startswith("crm/") else visit
        job = await self.job(bench)
        return replace(visit, customer=job.customer, job=(await bench.adapter.create_job("job", job)).id, person=job.person)

    async def about(self, bench: Bench) -> Ref:
        """What notes are kept with: the job, else the lead, else the customer."""
        can = self.manifest().capabilities
        if "create_job" in can:
            return await bench.adapter.create_job("job", await self.job(bench))
        if "create_lead" in can:
            return await bench.adapter.create_lead("lead", await self.lead(bench))
        return Ref("customer", (await self.customer(bench)).id)

    # -- the manifest --------------------------------------------------------------------------------------------------------------

    def test_the_manifest_is_sane(self) -> None:
        manifest, adapter = self.manifest(), self.module().ADAPTER
        assert manifest.id == self.ADAPTER
        assert adapter.NAME == self.ADAPTER
        assert manifest.title.strip()
        assert manifest.about.strip().endswith(".")
        assert manifest.base_url.startswith("https://") or not manifest.base_url
        assert manifest.auth
        for auth in manifest.auth:
            if isinstance(auth, OAuth):
                assert auth.scopes
                assert all(one.startswith("https://") for one in (auth.authorize_url, auth.token_url))
                assert not auth.revoke_url or auth.revoke_url.startswith("https://")
            if isinstance(auth, KeyAuth):
                assert auth.header
        assert len({one.name for one in manifest.fields}) == len(manifest.fields)
        for one in manifest.fields:
            assert one.title
            re.compile(one.pattern)
        assert all(pace.limit > 0 and pace.seconds >= 0 for pace in manifest.paces)
        assert (manifest.hooks is not None) == ("hooks" in manifest.capabilities)
        needed = {"lead": "create_lead", "job": "create_job", "appointment": "create_appointment", "note": "add_note"}
        assert all(needed[one] in manifest.capabilities for one in manifest.writes)
        assert set(self.FIELDS) <= set(manifest.mappable)

    async def test_what_the_system_cannot_do_is_refused_without_a_request(self) -> None:
        bench = self.bench()
        adapter, person = bench.adapter, replace(NEW, id=self.NOBODY)
        visit = Appointment(self.RESOURCES[0], VISIT, VISIT + HOUR, customer=self.NOBODY)
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "find_customer": lambda: adapter.find_customer(phone="+447700900123"),
            "upsert_customer": lambda: adapter.upsert_customer("k", NEW),
            "create_lead": lambda: adapter.create_lead("k", Lead(self.NOBODY, "x", person=person)),
            "create_job": lambda: adapter.create_job("k", Job(self.NOBODY, "x", person=person)),
            "find_availability": lambda: adapter.find_availability(self.RESOURCES, VISIT, VISIT + HOUR),
            "create_appointment": lambda: adapter.create_appointment("k", visit),
            "reschedule": lambda: adapter.reschedule("k", self.NOBODY, visit),
            "cancel": lambda: adapter.cancel("k", self.NOBODY),
            "add_note": lambda: adapter.add_note("k", Note(Ref("customer", self.NOBODY), "x")),
            "get_context": lambda: adapter.get_context(self.NOBODY),
            "changes_since": lambda: adapter.changes_since(""),
        }
        for name, call in calls.items():
            if name not in self.manifest().capabilities:
                with pytest.raises(AdapterRejected):
                    await call()
        assert bench.gate.count == 0

    async def test_the_vendors_description_is_asked(self) -> None:
        if self.CHECKER is None:
            return
        if not self.CHECKER.there():
            pytest.skip("the vendors' descriptions are not beside the repository: nothing is checked against them")
        bench = self.bench()
        await bench.adapter.verify()
        assert any(self.CHECKER.covers(one) for one in bench.sim.log)

    # -- the connection ------------------------------------------------------------------------------------------------------------

    async def test_the_connection_is_tried(self) -> None:
        account = await self.bench().adapter.verify()
        assert account.name
        assert not self.ACCOUNT or account.name == self.ACCOUNT

    @needs(VERIFIES=True)
    async def test_an_authorisation_that_has_ended_is_renewed_once(self) -> None:
        if not self.SIGNED:
            return
        signer = Token(self.SIGNED, stale=True)
        bench = self.bench(signer=signer)
        await bench.adapter.verify()
        assert signer.renewed == 1
        dead = Token(self.SIGNED, stale=True, renews=False)
        bench = self.bench(signer=dead)
        with pytest.raises(AdapterUnauthorized):
            await bench.adapter.verify()
        assert (dead.renewed, bench.gate.count) == (1, 1)

    async def test_there_is_something_to_choose_from(self) -> None:
        found = await self.bench().adapter.choices()
        for chooser in self.manifest().choosers:
            choices = found[chooser.name]
            assert choices
            assert len({one.id for one in choices}) == len(choices)
            assert all(one.label for one in choices)

    # -- errors --------------------------------------------------------------------------------------------------------------------

    @needs(VERIFIES=True)
    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            (400, AdapterRejected),
            (401, AdapterUnauthorized),
            (403, AdapterUnauthorized),
            (404, AdapterNotFound),
            (409, AdapterConflict),
            (422, AdapterRejected),
            (429, AdapterRateLimited),
            (500, AdapterUnavailable),
            (503, AdapterUnavailable),
        ],
    )
    async def test_statuses_become_errors_with_a_name(self, status: int, expected: type[AdapterError]) -> None:
        bench = self.bench()
        leak = next(iter(self.SIGNED.values()), "") + SECRET
        bench.gate.answer(status, json.dumps({"error": leak}).encode(), {"Retry-After": "7"})
        with pytest.raises(expected) as caught:
            await bench.adapter.verify()
        self._discreet(bench, caught.value)
        if expected is AdapterRateLimited:
            assert caught.value.retry.after == 7
        if expected in {AdapterRateLimited, AdapterUnavailable}:
            assert bench.gate.count == TRIES
            assert anyio.current_time() >= 14
        else:
            assert bench.gate.count == 1
            assert not caught.value.retry

    @needs(VERIFIES=True)
    @pytest.mark.parametrize("trouble", ["silent", "dropped", "refused", "no json", "endless"])
    async def test_a_system_that_does_not_answer_well_is_unavailable(self, trouble: str) -> None:
        bench = self.bench()

        async def instead(_: httpx.Request) -> httpx.Response:
            if trouble == "silent":
                await anyio.sleep_forever()
            if trouble == "dropped":
                raise httpx.ReadError("the connection broke")
            if trouble == "refused":
                raise httpx.ConnectError("nobody is there")
            if trouble == "no json":
                return httpx.Response(200, content=b"<html>Down for maintenance</html>")
            return httpx.Response(200, content=_endless())

        bench.gate.instead = instead
        with pytest.raises(AdapterUnavailable) as caught:
            await bench.adapter.verify()
        self._discreet(bench, caught.value)
        assert anyio.current_time() <= TRIES * READ_S + 5

    @needs(VERIFIES=True)
    async def test_every_exchange_is_kept_without_the_authorisation(self) -> None:
        bench = self.bench()
        await bench.adapter.verify()
        assert len(bench.exchanges) == bench.gate.count > 0
        assert all(one.status is not None and one.got for one in bench.exchanges)
        for value in self.SIGNED.values():
            assert value.rpartition(" ")[2] not in repr(bench.exchanges)

    def _discreet(self, bench: Bench, error: AdapterError) -> None:
        assert error.adapter == self.ADAPTER
        for value in (*self.SIGNED.values(), SECRET):
            said = value.rpartition(" ")[2]
            assert said not in error.public
            assert said not in str(error)
            assert said not in repr(error)
            assert said not in repr(bench.adapter)
            assert said not in repr(bench.http)

    # -- writes --------------------------------------------------------------------------------------------------------------------

    async def test_a_write_makes_one_record_however_often_it_is_sent(self, write: str) -> None:
        bench = self.bench()
        what = WRITES[write]
        run = await what.make(self, bench)
        before = bench.sim.count(what.kind)
        first = await run("call_1/step")
        assert bench.sim.count(what.kind) == before + what.adds
        again = await run("call_1/step")
        assert bench.sim.count(what.kind) == before + what.adds
        assert first == again
        if first is not None and write not in {"reschedule", "cancel"}:
            assert first.id
            assert first.kind == what.kind
            if write != "upsert_customer":  # the same person may well be found again
                other = await run("call_2/step")
                assert other is not None
                assert other.id != first.id
                assert bench.sim.count(what.kind) == before + 2 * what.adds
        if first is not None and first.url:
            assert first.url.startswith("https://")

    @pytest.mark.parametrize("fault", KINDS)
    async def test_a_write_that_fails_anywhere_is_made_whole_by_the_same_key(self, write: str, fault: FaultKind) -> None:
        what = WRITES[write]
        for position in range(40):
            bench = self.bench()
            run = await what.make(self, bench)
            before = bench.sim.count(what.kind)
            bench.sim.faults.planned = [*[None] * position, fault]
            ref = await _until_done(run, "call_1/step")
            fell = not bench.sim.faults.planned
            assert bench.sim.count(what.kind) == before + what.adds, f"{write}: {fault} at request {position}"
            assert await run("call_1/step") == ref
            assert bench.sim.count(what.kind) == before + what.adds
            if not fell:
                break
        else:
            pytest.fail("a write of more than 40 requests")

    async def test_a_write_that_is_sent_twice_at_once_makes_one_record(self, write: str) -> None:
        what = WRITES[write]
        if self.manifest().idempotency not in {"id", "header"} or what.adds < 1:  # others never run at once: see Idempotency
            return
        bench = self.bench()
        run = await what.make(self, bench)
        before = bench.sim.count(what.kind)
        refs: list[Ref | None] = []

        async def one() -> None:
            refs.append(await _until_done(run, "call_1/step"))

        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(one)
        assert bench.sim.count(what.kind) == before + what.adds
        assert refs.count(refs[0]) == 3

    async def test_a_write_that_is_left_at_any_moment_leaves_nothing(self, write: str) -> None:
        what = WRITES[write]
        tasks = len(asyncio.all_tasks())
        for steps in itertools.chain(range(12), range(12, 400, 7)):
            bench = self.bench()
            run = await what.make(self, bench)
            before = bench.sim.count(what.kind)
            done = anyio.Event()

            async def one(run: Callable[[str], Awaitable[object]] = run, done: anyio.Event = done) -> None:
                await run("call_1/step")
                done.set()

            async with anyio.create_task_group() as group:
                group.start_soon(one)
                for _ in range(steps):
                    await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()
            assert len(asyncio.all_tasks()) == tasks
            assert bench.pacer.inside == 0
            await run("call_1/step")
            assert bench.sim.count(what.kind) == before + what.adds, f"{write}: left after {steps} steps"
            if done.is_set():
                break

    @pytest.mark.parametrize("seed", range(6))
    async def test_a_calls_paperwork_is_there_once_whatever_fails(self, seed: int) -> None:
        """Customer, lead, job, visit and note of one call, each done twice, a third of all requests failing in one way or another."""
        bench, can = self.bench(), self.manifest().capabilities
        adapter = bench.adapter
        bench.sim.faults.chance, bench.sim.faults.seed = 1 / 3, seed

        async def done(kind: RecordKind, run: Callable[[str], Awaitable[Ref]]) -> Ref:
            before = bench.sim.count(kind)
            ref = await _until_done(run, f"call_1/{kind}", 60)
            assert ref is not None
            assert await _until_done(run, f"call_1/{kind}", 60) == ref
            assert bench.sim.count(kind) == before + 1
            return ref

        person, about = NEW, Ref("customer", "")
        if "upsert_customer" in can:
            about = await done("customer", lambda key: adapter.upsert_customer(key, NEW))
            person = replace(NEW, id=about.id)
        if "create_lead" in can:
            lead = Lead(person.id, "Boiler", "It drips.", NEW.address, person=person, fields=self.FIELDS)
            about = await done("lead", lambda key: adapter.create_lead(key, lead))
        job = Ref("job", "")
        if "create_job" in can:
            wanted = Job(person.id, "Boiler", "It drips.", NEW.address, person=person)
            about = job = await done("job", lambda key: adapter.create_job(key, wanted))
        if "create_appointment" in can:
            visit = Appointment(self.RESOURCES[0], VISIT, VISIT + HOUR, "Boiler", "", "", person.id, job.id, person=person)
            await done("appointment", lambda key: adapter.create_appointment(key, visit))
        if "add_note" in can:
            note = Note(about, "It drips.", "https://offhook.example/r/abc", NOW)
            await done("note", lambda key: adapter.add_note(key, note))

    async def test_what_the_system_finds_invalid_is_rejected(self, write: str) -> None:
        if not WRITES[write].adds > 0:
            return
        bench = self.bench()
        run = await WRITES[write].make(self, bench)

        async def invalid(request: httpx.Request) -> httpx.Response | None:
            await anyio.lowlevel.checkpoint()
            return None if request.method == "GET" else httpx.Response(422, content=b'{"message": "invalid"}')

        bench.gate.instead = invalid
        with pytest.raises(AdapterRejected) as caught:
            await run("call_1/step")
        self._discreet(bench, caught.value)

    async def test_very_long_texts_are_taken(self, write: str) -> None:
        if write in {"reschedule", "cancel"}:
            return
        bench = self.bench()
        long = "Grüße, 你好 — it drips. " * 900
        if write == "upsert_customer":
            await bench.adapter.upsert_customer("k", replace(NEW, name="Ann " * 200, address=long))
        elif write == "create_lead":
            await bench.adapter.create_lead("k", replace(await self.lead(bench), title=long, description=long, address=long))
        elif write == "create_job":
            await bench.adapter.create_job("k", replace(await self.job(bench), title=long, description=long, address=long))
        elif write == "create_appointment":
            await bench.adapter.create_appointment("k", replace(await self.appointment(bench), title=long, description=long, address=long))
        else:
            await bench.adapter.add_note("k", Note(await self.about(bench), long, "https://offhook.example/r/abc"))
            assert "https://offhook.example/r/abc" in bench.sim.notes()[-1]

    # -- customers -----------------------------------------------------------------------------------------------------------------

    @needs("upsert_customer", HANDS=True)
    async def test_a_new_customer_is_kept_with_all_that_is_known(self) -> None:
        bench = self.bench()
        ref = await bench.adapter.upsert_customer("k", NEW)
        kept = bench.sim.customer(ref.id)
        assert kept is not None
        assert (kept.name, kept.email) == (NEW.name, NEW.email)
        assert {e164(one, self.REGION) for one in kept.phones} == set(NEW.phones)

    @needs("upsert_customer", HANDS=True)
    async def test_completing_a_customer_changes_nothing_that_was_not_said(self) -> None:
        bench = self.bench()
        known_as = bench.sim.add_customer(Customer(name="Philip Wakem", phones=("+447700900456",)))
        count = bench.sim.count("customer")
        ref = await bench.adapter.upsert_customer("k", Customer(id=known_as, email="philip@mill.example"))
        await bench.adapter.upsert_customer("k", Customer(id=known_as, email="philip@mill.example"))
        kept = bench.sim.customer(known_as)
        assert kept is not None
        assert ref.id == known_as
        assert bench.sim.count("customer") == count
        assert (kept.name, kept.email) == ("Philip Wakem", "philip@mill.example")
        assert {e164(one, self.REGION) for one in kept.phones} == {"+447700900456"}

    @needs("find_customer", HANDS=True, FINDS_BY_PHONE=True)
    @pytest.mark.parametrize("written", ["+447700900123", "07700 900123", "+44 7700 900123", "07700900123"])
    async def test_a_customer_is_found_by_phone(self, written: str) -> None:
        bench = self.bench()
        known_as = bench.sim.add_customer(replace(NEW, phones=(written,)))
        bench.sim.add_customer(Customer(name="Somebody Else", phones=("+447700900999",), email="else@mill.example"))
        found = await bench.adapter.find_customer(phone="+447700900123")
        assert found is not None
        assert (found.id, found.name) == (known_as, NEW.name)
        assert "+447700900123" in found.phones

    @needs("find_customer", HANDS=True, FINDS_BY_EMAIL=True)
    async def test_a_customer_is_found_by_email_address(self) -> None:
        bench = self.bench()
        known_as = bench.sim.add_customer(NEW)
        bench.sim.add_customer(Customer(name="Somebody Else", phones=("+447700900999",), email="else@mill.example"))
        found = await bench.adapter.find_customer(phone="+447700900111", email=NEW.email)
        assert found is not None
        assert (found.id, found.email) == (known_as, NEW.email)

    @needs("find_customer", HANDS=True, FINDS_BY_NAME=True)
    @pytest.mark.parametrize("name", NAMES)
    async def test_a_customer_of_any_name_is_found_by_it(self, name: str) -> None:
        bench = self.bench()
        bench.sim.add_customer(Customer(name="Somebody Else", email="else@mill.example"))
        known_as = bench.sim.add_customer(Customer(name=name))
        bench.sim.add_customer(Customer(name=f"{name} Junior"))
        found = await bench.adapter.find_customer(name=name)
        assert found is not None
        assert (found.id, found.name) == (known_as, name)

    @needs("upsert_customer", HANDS=True)
    @pytest.mark.parametrize("name", NAMES)
    async def test_a_customer_of_any_name_is_kept(self, name: str) -> None:
        bench = self.bench()
        ref = await bench.adapter.upsert_customer("k", Customer(name=name, phones=("+447700900123",)))
        kept = bench.sim.customer(ref.id)
        assert kept is not None
        assert kept.name == name

    @needs("find_customer", HANDS=True)
    async def test_nobody_is_found_where_there_is_nobody_or_it_is_not_clear_who(self) -> None:
        bench = self.bench()
        adapter = bench.adapter
        assert await adapter.find_customer() is None
        assert await adapter.find_customer(phone="+447700900123", email="maggie@mill.example", name="Maggie Tulliver") is None
        for _ in range(2):
            bench.sim.add_customer(Customer(name="Maggie Tulliver", phones=("+447700900123",), email="maggie@mill.example"))
        assert await adapter.find_customer(phone="+447700900123") is None
        assert await adapter.find_customer(email="maggie@mill.example") is None
        assert await adapter.find_customer(name="Maggie Tulliver") is None

    @needs("find_customer", HANDS=True)
    async def test_a_customer_who_was_deleted_is_not_found(self) -> None:
        bench = self.bench()
        known_as = bench.sim.add_customer(NEW)
        bench.sim.remove("customer", known_as)
        assert await bench.adapter.find_customer(phone=NEW.phones[0], email=NEW.email, name=NEW.name) is None

    # -- calendars -----------------------------------------------------------------------------------------------------------------

    @needs("find_availability")
    async def test_what_is_taken_is_told(self) -> None:
        bench = self.bench()
        one, two = self.RESOURCES
        inside = bench.sim.add_visit(one, VISIT, VISIT + HOUR)
        bench.sim.add_visit(two, VISIT + HOUR, VISIT + 2 * HOUR)
        bench.sim.add_visit(one, VISIT - 50 * HOUR, VISIT - 49 * HOUR)
        bench.sim.add_visit(one, VISIT + 50 * HOUR, VISIT + 51 * HOUR)
        gone = bench.sim.add_visit(one, VISIT + 2 * HOUR, VISIT + 3 * HOUR)
        bench.sim.remove("appointment", gone)
        found = await bench.adapter.find_availability((one,), VISIT - HOUR, VISIT + 5 * HOUR)
        assert [(busy.resource, busy.start, busy.end) for busy in found] == [(one, VISIT, VISIT + HOUR)]
        assert found[0].id in {inside, ""}
        both = await bench.adapter.find_availability((one, two), VISIT - HOUR, VISIT + 5 * HOUR)
        assert {(busy.resource, busy.start) for busy in both} == {(one, VISIT), (two, VISIT + HOUR)}
        cut = await bench.adapter.find_availability((one,), VISIT + HOUR / 2, VISIT + 5 * HOUR)
        assert [busy.end for busy in cut] == [VISIT + HOUR]
        assert await bench.adapter.find_availability((), VISIT, VISIT + HOUR) == ()

    @needs("create_appointment")
    async def test_a_visit_is_written_as_it_was_booked(self) -> None:
        bench = self.bench()
        visit = await self.appointment(bench)
        ref = await bench.adapter.create_appointment("k", visit)
        kept = bench.sim.visit(ref.id)
        assert kept is not None
        assert (kept.resource, kept.start, kept.end) == (visit.resource, visit.start, visit.end)
        if "find_availability" in self.manifest().capabilities:
            found = await bench.adapter.find_availability((visit.resource,), VISIT, VISIT + HOUR)
            assert [(busy.start, busy.end) for busy in found] == [(VISIT, VISIT + HOUR)]

    @needs("create_appointment")
    @pytest.mark.parametrize(
        "start",
        [
            datetime(2031, 3, 30, 0, 30, tzinfo=UTC),  # London's clocks go on at 1:00
            datetime(2031, 3, 30, 1, 30, tzinfo=UTC),
            datetime(2031, 10, 25, 23, 30, tzinfo=UTC),  # and back at 1:00 on the 26th
            datetime(2031, 10, 26, 2, 30, tzinfo=UTC),
            datetime(2031, 4, 5, 13, 30, tzinfo=UTC),  # Sydney's, back at 16:00
            datetime(2031, 4, 5, 18, 30, tzinfo=UTC),
            datetime(2031, 12, 31, 23, 30, tzinfo=UTC),
        ],
    )
    async def test_times_are_kept_where_clocks_change(self, zone: str, start: datetime) -> None:
        bench = self.bench(timezone=zone)
        visit = await self.appointment(bench, start)
        ref = await bench.adapter.create_appointment("k", visit)
        kept = bench.sim.visit(ref.id)
        assert kept is not None
        assert (kept.start, kept.end) == (start, start + HOUR)
        if "find_availability" in self.manifest().capabilities:
            found = await bench.adapter.find_availability((visit.resource,), start - 3 * HOUR, start + 4 * HOUR)
            assert [(busy.start, busy.end) for busy in found] == [(start, start + HOUR)]

    @needs("create_appointment", REFUSES_TAKEN=True)
    async def test_a_time_that_the_system_refuses_is_a_conflict(self) -> None:
        bench = self.bench()
        bench.sim.add_visit(self.RESOURCES[0], VISIT, VISIT + HOUR)
        with pytest.raises(AdapterConflict):
            await bench.adapter.create_appointment("k", await self.appointment(bench))

    @needs("reschedule")
    async def test_a_visit_that_is_gone_cannot_be_moved(self) -> None:
        bench = self.bench()
        visit = await self.appointment(bench)
        with pytest.raises(AdapterNotFound):
            await bench.adapter.reschedule("k", self.NOBODY, visit)
        ref = await bench.adapter.create_appointment("k", visit)
        bench.sim.remove("appointment", ref.id)
        with pytest.raises(AdapterNotFound):
            await bench.adapter.reschedule("k", ref.id, visit)
        assert bench.sim.visit(ref.id) is None

    @needs("cancel")
    async def test_cancelling_what_is_gone_is_harmless(self) -> None:
        bench = self.bench()
        await bench.adapter.cancel("k", self.NOBODY)
        ref = await bench.adapter.create_appointment("k", await self.appointment(bench))
        bench.sim.remove("appointment", ref.id)
        await bench.adapter.cancel("k", ref.id)
        await bench.adapter.cancel("k", ref.id)

    # -- notes and context ---------------------------------------------------------------------------------------------------------

    @needs("add_note")
    async def test_a_note_has_the_summary_and_the_link(self) -> None:
        bench = self.bench()
        await bench.adapter.add_note("k", Note(await self.about(bench), "Boiler — „no hot water“ 你好.", "https://offhook.example/r/abc"))
        text = bench.sim.notes()[-1]
        assert "Boiler — „no hot water“ 你好." in text
        assert "https://offhook.example/r/abc" in text

    @needs("get_context", HANDS=True)
    async def test_what_is_known_of_a_customer_is_told(self) -> None:
        bench = self.bench()
        known_as = bench.sim.add_customer(NEW)
        known = await bench.adapter.get_context(known_as)
        assert (known.customer.id, known.customer.name, known.jobs, known.next_appointment) == (known_as, NEW.name, (), None)
        assert known.customer.phones == NEW.phones
        if "create_job" in self.manifest().capabilities:
            bench.sim.add_job(known_as, "Dripping tap")
            await anyio.sleep(60)
            bench.sim.add_job(known_as, "Boiler loses pressure")
            known = await bench.adapter.get_context(known_as)
            assert ["Boiler" in one.title or "Boiler" in one.description for one in known.jobs] == [True, False]
            assert all(one.open and one.customer == known_as for one in known.jobs)
        with pytest.raises(AdapterNotFound):
            await bench.adapter.get_context(self.NOBODY)

    @needs("get_context", "create_job", "create_appointment", HANDS=True)
    async def test_the_next_visit_is_told(self) -> None:
        bench = self.bench()
        visit = await self.appointment(bench)
        later = await bench.adapter.create_appointment("later", replace(visit, start=VISIT + 30 * HOUR, end=VISIT + 31 * HOUR))
        past = await bench.adapter.create_appointment("past", replace(visit, start=NOW - 30 * HOUR, end=NOW - 29 * HOUR))
        ref = await bench.adapter.create_appointment("k", visit)
        known = await bench.adapter.get_context(visit.customer)
        assert known.next_appointment is not None
        assert (known.next_appointment.id, known.next_appointment.start, known.next_appointment.end) == (ref.id, VISIT, VISIT + HOUR)
        await bench.adapter.cancel("k", ref.id)
        known = await bench.adapter.get_context(visit.customer)
        assert known.next_appointment is not None
        assert known.next_appointment.id == later.id != past.id

    # -- changes -------------------------------------------------------------------------------------------------------------------

    @needs("changes_since", HANDS=True)
    async def test_all_is_told_at_first_and_then_what_changed(self) -> None:
        if "customer" not in self.TELLS:
            return
        bench = self.bench()
        bench.sim.page_size = 4
        ids = [bench.sim.add_customer(Customer(name=f"Customer {n}", phones=(f"+4477009001{n:02}",))) for n in range(11)]
        await anyio.sleep(60)
        first, cursor = await _all(bench, "")
        told = {one.id: one.record for page in first for one in page.items if one.kind == "customer"}
        assert set(ids) <= set(told)
        assert len(first) > 1
        record = told[ids[3]]
        assert isinstance(record, Customer)
        assert (record.name, record.phones) == ("Customer 3", ("+447700900103",))
        await anyio.sleep(60)
        none, cursor = await _all(bench, cursor)
        assert not [one for page in none for one in page.items if one.kind == "customer"]
        bench.sim.edit_customer(ids[3], "Customer Three")
        new = bench.sim.add_customer(Customer(name="Customer New"))
        await anyio.sleep(60)
        delta, cursor = await _all(bench, cursor)
        changed = {one.id: one.record for page in delta for one in page.items if one.kind == "customer"}
        assert set(changed) == {ids[3], new}
        record = changed[ids[3]]
        assert isinstance(record, Customer)
        assert (record.name, record.phones) == ("Customer Three", ("+447700900103",))
        if "customer" in self.DELETES:
            bench.sim.remove("customer", ids[5])
            await anyio.sleep(60)
            delta, cursor = await _all(bench, cursor)
            assert {(one.id, one.gone) for page in delta for one in page.items if one.kind == "customer"} == {(ids[5], True)}

    @needs("changes_since", "create_appointment")
    async def test_a_visit_that_was_moved_or_deleted_by_hand_is_told(self) -> None:
        if "appointment" not in self.TELLS:
            return
        bench = self.bench()
        ref = await bench.adapter.create_appointment("k", await self.appointment(bench))
        await anyio.sleep(60)
        _, cursor = await _all(bench, "")
        bench.sim.move_visit(ref.id, VISIT + 3 * HOUR, VISIT + 4 * HOUR)
        await anyio.sleep(60)
        delta, cursor = await _all(bench, cursor)
        found = [one for page in delta for one in page.items if one.kind == "appointment"]
        assert [one.id for one in found] == [ref.id]
        record = found[0].record
        assert isinstance(record, Appointment)
        assert (record.start, record.end, record.resource) == (VISIT + 3 * HOUR, VISIT + 4 * HOUR, self.RESOURCES[0])
        bench.sim.remove("appointment", ref.id)
        await anyio.sleep(60)
        delta, cursor = await _all(bench, cursor)
        gone = [one for page in delta for one in page.items if one.kind == "appointment"]
        assert [one.id for one in gone] == [ref.id]
        assert gone[0].gone or (isinstance(gone[0].record, Appointment) and gone[0].record.cancelled)

    @needs("changes_since")
    async def test_a_change_in_the_very_second_of_a_copy_is_not_lost(self) -> None:
        if not self.HANDS or "customer" not in self.TELLS:
            return
        bench = self.bench()
        known_as = bench.sim.add_customer(Customer(name="Maggie"))
        _, cursor = await _all(bench, "")
        bench.sim.edit_customer(known_as, "Maggie Tulliver")
        await anyio.sleep(60)
        delta, _ = await _all(bench, cursor)
        assert "Maggie Tulliver" in [one.record.name for page in delta for one in page.items if isinstance(one.record, Customer)]

    @needs("changes_since", FORGETS=True)
    async def test_a_cursor_that_was_forgotten_gives_everything_anew(self) -> None:
        bench = self.bench()
        if self.HANDS:
            bench.sim.add_customer(NEW)
        else:
            bench.sim.add_visit(self.RESOURCES[0], VISIT, VISIT + HOUR)
        await anyio.sleep(60)
        first, cursor = await _all(bench, "")
        bench.sim.forget()
        anew, cursor = await _all(bench, cursor)
        assert anew[0].whole
        assert {one.id for page in anew for one in page.items} == {one.id for page in first for one in page.items}
        await anyio.sleep(60)
        after, _ = await _all(bench, cursor)
        assert not after[0].whole

    @needs("changes_since")
    @pytest.mark.parametrize("fault", KINDS)
    async def test_a_copy_that_fails_goes_on_from_its_last_cursor(self, fault: FaultKind) -> None:
        bench = self.bench()
        bench.sim.page_size = 2
        for n in range(5):
            if self.HANDS:
                bench.sim.add_customer(Customer(name=f"Customer {n}"))
            else:
                bench.sim.add_visit(self.RESOURCES[0], VISIT + n * HOUR, VISIT + (n + 1) * HOUR)
        await anyio.sleep(60)
        whole = {one.id for page in (await _all(bench, ""))[0] for one in page.items}
        bench.sim.faults.planned = [None, fault, fault, fault, None, fault]
        told, cursor, more = set[str](), "", True
        while more:
            try:
                page = await bench.adapter.changes_since(cursor)
            except (AdapterUnavailable, AdapterRateLimited):
                continue
            told |= {one.id for one in page.items}
            cursor, more = page.cursor, page.more
        assert told == whole

    # -- webhooks ------------------------------------------------------------------------------------------------------------------

    @needs("hooks")
    async def test_a_webhook_is_heard_and_a_false_one_is_not(self) -> None:
        bench = self.bench()
        good = bench.sim.incoming(self.HOOK_SECRET, "msg_1")
        heard = bench.adapter.hear(good, self.HOOK_SECRET)
        assert heard.changed
        assert 200 <= heard.status < 300
        assert bench.adapter.hear(good, self.HOOK_SECRET).once == heard.once
        for bad in (
            bench.sim.incoming("another secret altogether", "msg_1"),
            Incoming({}, {}, b"", "https://offhook.example/"),
            Incoming({"content-type": "application/json"}, {}, b"\xff\x00[[[", "https://offhook.example/"),
            *([replace(good, body=good.body + b" "), replace(good, body=b"{}")] if self.SIGNS else []),
        ):
            with pytest.raises(AdapterUnauthorized) as caught:
                bench.adapter.hear(bad, self.HOOK_SECRET)
            assert self.HOOK_SECRET not in repr(caught.value)
        with pytest.raises(AdapterUnauthorized):
            bench.adapter.hear(bench.sim.incoming("", "msg_1"), "")
        assert bench.gate.count == 0

    @needs("hooks")
    async def test_the_systems_question_to_an_address_is_answered(self) -> None:
        bench = self.bench()
        asked = bench.sim.handshake(self.HOOK_SECRET)
        if asked is not None:
            heard = bench.adapter.hear(asked[0], self.HOOK_SECRET)
            assert (heard.answer, heard.changed, heard.status) == (asked[1], False, 200)

    @needs("hooks")
    async def test_subscribing_again_changes_nothing(self) -> None:
        hooks = self.manifest().hooks
        if hooks is not None and hooks.subscribe:
            bench = self.bench()
            await bench.adapter.watch(HOOK_URL)
            assert bench.gate.count > 0
            await bench.adapter.watch(HOOK_URL)

    # -- pace ----------------------------------------------------------------------------------------------------------------------

    @needs(VERIFIES=True)
    async def test_the_systems_limits_are_kept(self) -> None:
        rates = [one for one in self.manifest().paces if 0 < one.seconds <= 3_600]
        if not rates:
            return
        bench = self.bench(paced=True)
        bench.sim.paces = self.manifest().paces
        most = min(one.limit for one in rates)
        for _ in range(most * 2 + 5):
            with anyio.fail_after(3_600):
                while True:
                    try:
                        await bench.adapter.verify()
                        break
                    except AdapterRateLimited as error:
                        await anyio.sleep(error.retry.after or 1.0)
        assert bench.sim.refused == 0
        assert anyio.current_time() >= min(one.seconds for one in rates)

    # -- the vendor's own examples -----------------------------------------------------------------------------------------------

    async def test_the_recording_is_replayed(self) -> None:
        recording = json.loads((self.RECORDINGS / f"{self.ADAPTER.replace('/', '-')}.json").read_text(encoding="utf-8"))
        assert recording["source"]
        assert recording["calls"]
        for call in recording["calls"]:
            bench = self.bench()
            exchanges = list(call["exchanges"])

            async def replayed(request: httpx.Request, exchanges: list[dict[str, Any]] = exchanges) -> httpx.Response:
                await anyio.lowlevel.checkpoint()
                expected = exchanges.pop(0)
                assert _said(request) == {"query": {}, "body": None, **expected["request"]}
                reply = expected["reply"]
                body = reply.get("body", "")
                content = body if isinstance(body, str) else json.dumps(body)
                return httpx.Response(
                    reply["status"], headers={"content-type": "application/json", **reply.get("headers", {})}, content=content.encode()
                )

            bench.gate.instead = replayed
            method = getattr(bench.adapter, call["method"])
            hints = typing.get_type_hints(getattr(Adapter, call["method"]))
            arguments = {name: TypeAdapter(hints[name]).validate_python(value) for name, value in call["args"].items()}
            result = await method(**arguments)
            assert not exchanges, f"{call['method']}: not all was asked"
            assert TypeAdapter(hints["return"]).dump_python(result, mode="json", exclude_defaults=True) == call["result"]


_CHECKED: dict[str, set[bytes]] = {}
"""Exchanges that were found well, by description: one that comes again, to the byte, is as well as before."""


def now() -> datetime:
    """The test's time of day."""
    return NOW + timedelta(seconds=anyio.current_time())


async def _endless() -> typing.AsyncIterator[bytes]:
    for _ in range(MOST // 2**20 + 2):
        yield b"[" * 2**20


async def _until_done(run: Callable[[str], Awaitable[Ref | None]], key: str, attempts: int = 6) -> Ref | None:
    """As the work after a call does it: the same key, a little later, until it is done."""
    for _ in range(attempts):
        try:
            return await run(key)
        except (AdapterUnavailable, AdapterRateLimited) as error:
            wait = error.retry.after
        assert wait is not None
        await anyio.sleep(wait)
    raise AssertionError(f"not done in {attempts} attempts")


async def _all(bench: Bench, cursor: str) -> tuple[list[Changes], str]:
    """All pages from here on, and the cursor after them."""
    pages: list[Changes] = []
    for _ in range(200):
        page = await bench.adapter.changes_since(cursor)
        assert page.cursor
        pages.append(page)
        cursor = page.cursor
        if not page.more:
            return pages, cursor
    raise AssertionError("the pages have no end")


def _said(request: httpx.Request) -> dict[str, Any]:
    """A request as recordings write it."""
    content = request.content.decode()
    body: Any = None
    if content:
        form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        body = dict(httpx.QueryParams(content).multi_items()) if form else json.loads(content)
    url = request.url.copy_with(query=None)
    return {"method": request.method, "url": str(url).partition("?")[0], "query": dict(request.url.params.multi_items()), "body": body}
