"""For every test: no way to the outside world, and nothing left running."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import ipaddress
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Generator, Iterator
from typing import Any

import anyio.lowlevel
import anyio.to_thread
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase

from offhook.testing.clock import VIRTUAL_TIME

POOLS = ("asyncio_", "ThreadPoolExecutor-", "AnyIO worker thread")
"""Threads of executors, which live as long as the process or their loop."""
GRACE_S = 1.0
"""How long what is already ending may take to end."""

# What a property needs of the machine's clock says something of the machine. The same examples come each time, so that what they find has
# to do with the change that is tested: others are looked for by `make search`.
settings.register_profile("exact", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.register_profile(
    "search", settings.get_profile("exact"), derandomize=False, database=DirectoryBasedExampleDatabase(".hypothesis/examples")
)
settings.load_profile(os.environ.get("OFFHOOK_EXAMPLES", "exact"))


# -- sockets ----------------------------------------------------------------------------------------------------------------


class OutsideWorld(RuntimeError):
    """A test wanted to leave this machine. No OSError: code that expects a broken network must not swallow it."""


def local(host: object) -> bool:
    """Whether a host is this machine and nobody else."""
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host in {None, "", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return False


def _guard() -> None:
    connect, connect_ex, sendto, resolve = socket.socket.connect, socket.socket.connect_ex, socket.socket.sendto, socket.getaddrinfo

    def check(what: socket.socket, address: Any) -> None:
        if what.family in {socket.AF_INET, socket.AF_INET6} and not local(address[0]):
            raise OutsideWorld(f"a test may reach 127.0.0.1 and ::1 only, not {address[0]}:{address[1]}")

    def guarded_connect(self: socket.socket, address: Any) -> None:
        check(self, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        check(self, address)
        return connect_ex(self, address)

    def guarded_sendto(self: socket.socket, data: Any, *rest: Any) -> int:
        check(self, rest[-1])
        return sendto(self, data, *rest)

    def guarded_resolve(host: Any, *rest: Any, **named: Any) -> Any:
        if not local(host):
            try:
                ipaddress.ip_address(host.decode() if isinstance(host, bytes) else host)
            except ValueError:
                raise OutsideWorld(f"a test may resolve localhost only, not {host!r}") from None
        return resolve(host, *rest, **named)

    socket.socket.connect = guarded_connect  # type: ignore[method-assign, assignment]
    socket.socket.connect_ex = guarded_connect_ex  # type: ignore[method-assign, assignment]
    socket.socket.sendto = guarded_sendto  # type: ignore[method-assign, assignment]
    socket.getaddrinfo = guarded_resolve


_guard()


# -- memory -----------------------------------------------------------------------------------------------------------------


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """A full collection walks all that collecting has imported, 0.2 s each time; nothing that a test makes is exempt."""
    gc.collect()
    gc.freeze()


# -- virtual time -----------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def no_time_passes_in_threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """In virtual time, what a thread is asked to do is done at once: while a real disk is waited for, minutes of a call would go by."""
    if "anyio_backend" not in request.fixturenames or request.getfixturevalue("anyio_backend") != VIRTUAL_TIME:
        return

    async def at_once(todo: Callable[..., Any], *args: object, **_: object) -> Any:
        await anyio.lowlevel.checkpoint()
        return todo(*args)

    monkeypatch.setattr(anyio.to_thread, "run_sync", at_once)


# -- what is left running ---------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def no_threads_left() -> Iterator[None]:
    """A thread that is no daemon and belongs to no pool would keep the process from ending."""
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before and not thread.daemon and not thread.name.startswith(POOLS)]
    for thread in left:
        thread.join(GRACE_S)
    names = [thread.name for thread in left if thread.is_alive()]
    if names:
        pytest.fail(f"threads left running: {', '.join(names)}", pytrace=False)


async def _tasks_left(before: set[asyncio.Task[Any]]) -> list[str]:
    """Tasks started since then that do not end by themselves."""
    loop = asyncio.get_running_loop()
    left = asyncio.all_tasks(loop) - before
    if left:
        await asyncio.wait(left, timeout=GRACE_S)
    return sorted(f"{task.get_name()} ({getattr(task.get_coro(), '__qualname__', '?')})" for task in left if not task.done())


def _watched(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    @functools.wraps(test)
    async def watched(*args: object, **named: object) -> None:
        try:
            before = asyncio.all_tasks()
        except RuntimeError:  # another event loop than asyncio's
            await test(*args, **named)
            return
        await test(*args, **named)
        left = await _tasks_left(before)
        if left:
            pytest.fail(f"tasks left pending: {', '.join(left)}", pytrace=False)

    return watched


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """An asynchronous test that leaves tasks behind has failed; those of its fixtures are the fixtures' own."""
    if inspect.iscoroutinefunction(pyfuncitem.obj) and not hasattr(pyfuncitem.obj, "hypothesis"):
        pyfuncitem.obj = _watched(pyfuncitem.obj)
    return (yield)
