"""The embedded server: starts fast, comes back after a kill, keeps its folder to itself; migrations make what the tables say."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from socket import IPPROTO_TCP

import anyio
import httpx
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from tests.e2e.business import SECRET

from offhook.errors import ConfigError
from offhook.orchestrator.db import migrate
from offhook.orchestrator.embedded import EmbeddedPostgres
from offhook.orchestrator.serve import Running, _bind, serve
from offhook.orchestrator.settings import OrchestratorSettings
from offhook.orchestrator.tables import metadata


def _postmaster(folder: Path) -> int:
    return int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"


def test_data_outlives_a_stop_and_the_second_start_makes_nothing_anew(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "postgres") as server:
        server.sql("create table kept as select 42 as answer")
        pid = _postmaster(tmp_path / "postgres")
        with pytest.raises(ConfigError, match="in use by another"):
            EmbeddedPostgres(tmp_path / "postgres").start()
    assert _gone(pid)
    server.stop()
    made = (tmp_path / "postgres" / "data" / "PG_VERSION").stat()
    with EmbeddedPostgres(tmp_path / "postgres") as again:
        assert (tmp_path / "postgres" / "data" / "PG_VERSION").stat().st_ctime_ns == made.st_ctime_ns
        assert again.sql("select answer from kept").strip() == "42"
        assert again.sql("select current_setting('listen_addresses')").strip() == ""


def test_a_killed_owner_leaves_a_server_that_the_next_takes_over(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from offhook.orchestrator.embedded import EmbeddedPostgres\n"
        "EmbeddedPostgres(Path(sys.argv[1])).start(); print('up', flush=True); sys.stdin.read()"
    )
    folder = tmp_path / "postgres"
    with subprocess.Popen([sys.executable, "-c", script, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "up\n"
        owner.send_signal(signal.SIGKILL)
    pid = _postmaster(folder)
    with EmbeddedPostgres(folder) as server:
        assert _postmaster(folder) == pid
        assert server.sql("select 1").strip() == "1"
    assert _gone(pid)


def test_a_killed_server_recovers(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres").start()
    server.sql("create table kept as select 42 as answer")
    pid = _postmaster(tmp_path / "postgres")
    os.kill(pid, signal.SIGKILL)
    server.stop()
    note = tmp_path / "postgres" / "data" / "postmaster.pid"
    note.write_text(f"{os.getpid()}\n{note.read_text().partition(chr(10))[2]}")  # as after a restart of a container: the number is ours now
    with EmbeddedPostgres(tmp_path / "postgres") as again:
        assert again.sql("select answer from kept").strip() == "42"


def test_a_long_path_and_a_cut_short_first_start(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 25) / "postgres"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "half").write_text("an initdb that was killed")
    with EmbeddedPostgres(folder) as server:
        assert len(str(server.socket)) < 100
        assert server.sql("select 1").strip() == "1"
    assert not server.socket.exists()


def test_data_of_another_postgres_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "data").mkdir(parents=True)
    (tmp_path / "postgres" / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(ConfigError, match="made by Postgres 17"):
        EmbeddedPostgres(tmp_path / "postgres").start()


def test_migrations_make_what_the_tables_say_and_may_run_again(owner_url: str) -> None:
    migrate(owner_url)
    engine = create_engine(owner_url)
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), metadata)
        constraints = connection.exec_driver_sql("select conname from pg_constraint where contype = 'x'").scalars().all()
    engine.dispose()
    assert [one for one in found if "procrastinate_" not in str(one)] == []
    assert constraints == ["appointment_no_overlap"]


async def test_serve_is_whole_and_stops_clean(tmp_path: Path) -> None:
    settings = OrchestratorSettings(secret=SECRET, admin_token="operator", port=0, state_dir=tmp_path, demo=True)
    seen: list[Running] = []
    with anyio.fail_after(150):
        for _ in range(2):  # the second time on the same database
            async with anyio.create_task_group() as group:
                up = anyio.Event()

                def ready(running: Running, up: anyio.Event = up) -> None:
                    seen.append(running)
                    up.set()

                async def run(ready: object = ready) -> None:
                    await serve(settings, ready=ready)  # type: ignore[arg-type]

                group.start_soon(run)
                await up.wait()
                async with httpx.AsyncClient(base_url=seen[-1].url, timeout=60) as http:
                    assert (await http.get("/healthz")).status_code == 200
                    calls = await http.get("/v1/tenants/harbour/calls", headers={"authorization": "Bearer operator"})
                    assert calls.json() == {"data": [], "next_cursor": None}
                group.cancel_scope.cancel()
    assert not (tmp_path / "postgres" / "data" / "postmaster.pid").exists()


def test_answers_do_not_wait_for_the_peers_acknowledgement() -> None:
    """asyncio turns Nagle's delay (40 ms an answer) off for sockets that are TCP by name, and for no others."""
    with closing(_bind("127.0.0.1", 0)) as opened:
        assert opened.proto == IPPROTO_TCP


async def test_a_taken_port_is_named(database_url: str, tmp_path: Path) -> None:
    async with await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0) as listener:
        port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610
        settings = OrchestratorSettings(secret=SECRET, port=port)
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}"):
            await serve(settings, database_url=database_url)
