"""The guards around every test do their work."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CASES = """
import asyncio, socket, threading
import pytest

@pytest.fixture
def anyio_backend():
    return "asyncio"

async def test_a_task_is_left():
    asyncio.get_running_loop().kept = asyncio.create_task(asyncio.sleep(60), name="forgotten")

async def test_a_task_ends_soon():
    asyncio.get_running_loop().kept = asyncio.create_task(asyncio.sleep(0.05))

stop = threading.Event()

def test_a_thread_is_left():
    threading.Thread(target=stop.wait, args=(2.5,), name="forgotten thread").start()

def test_a_daemon_is_left():
    threading.Thread(target=stop.wait, args=(3,), daemon=True).start()

async def test_a_connection_out():
    await asyncio.open_connection("192.0.2.1", 80)
"""


def test_leaks_fail_the_test_that_left_them(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "test_cases.py").write_text(CASES, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nanyio_mode = auto\n", encoding="utf-8")
    words = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=short", "-rfE", str(tmp_path)]
    done = subprocess.run([sys.executable, "-m", "pytest", *words], capture_output=True, text=True, cwd=tmp_path, check=False)
    out = done.stdout
    assert "tasks left pending: forgotten (sleep)" in out
    assert "threads left running: forgotten thread" in out
    assert "not 192.0.2.1:80" in out
    assert "2 failed, 3 passed, 1 error" in out, out


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("10.0.0.1", 443), ("example.com", 80)])
def test_nobody_leaves_this_machine(address: tuple[str, int]) -> None:
    with socket.socket() as probe, pytest.raises(RuntimeError, match="a test may reach"):
        probe.connect(address)
    with socket.socket() as probe, pytest.raises(RuntimeError, match="a test may reach"):
        probe.connect_ex(address)
    with socket.socket(type=socket.SOCK_DGRAM) as probe, pytest.raises(RuntimeError, match="a test may reach"):
        probe.sendto(b"", address)


def test_names_are_not_asked_for() -> None:
    with pytest.raises(RuntimeError, match="localhost only"):
        socket.getaddrinfo("example.com", 80)
    assert socket.getaddrinfo("localhost", 80)


def test_this_machine_may_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()
