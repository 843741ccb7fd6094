"""Run a command beside a real Postgres server that is made for it, and thrown away after it.

``python scripts/postgres.py COMMAND...``: the server listens on loopback only and wants a password; the command finds its owner's address
in OFFHOOK_TEST_DATABASE_URL. Uses the programs of a Postgres that is installed (Debian: ``apt-get install postgresql``). Exits with the
command's code, or with 69 where there is no Postgres.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

NONE: Final = os.EX_UNAVAILABLE
OWNER: Final = "offhook_owner"
SERVANT: Final = "nobody"
"""Who runs the server where we are root, whom Postgres does not accept."""


def programs() -> Path | None:
    """The folder of the newest installed Postgres's programs."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if debian:
        return debian[-1].parent
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def main() -> int:
    """Start, run, stop."""
    found = programs()
    if found is None:
        print("no Postgres server is installed here (Debian: apt-get install postgresql)", file=sys.stderr)
        return NONE
    who: dict[str, Any] = {}
    folder = Path(tempfile.mkdtemp(prefix="offhook-postgres-"))
    if os.geteuid() == 0:
        servant = pwd.getpwnam(SERVANT)
        os.chown(folder, servant.pw_uid, servant.pw_gid)
        who = {"user": servant.pw_uid, "group": servant.pw_gid, "extra_groups": []}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    password, secret, data = secrets.token_urlsafe(16), folder / "password", folder / "data"
    secret.write_text(password)
    secret.chmod(0o444)  # in a folder that only the server's user can enter

    def run(program: str, *args: str) -> None:
        subprocess.run([str(found / program), *args], check=True, cwd="/", stdout=subprocess.DEVNULL, **who)

    try:
        run("initdb", "-D", str(data), "-U", OWNER, "-A", "scram-sha-256", f"--pwfile={secret}", "-E", "UTF8", "--locale=C.UTF-8")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c max_connections=200"
        run("pg_ctl", "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            env = {**os.environ, "OFFHOOK_TEST_DATABASE_URL": f"postgresql://{OWNER}:{password}@127.0.0.1:{port}/postgres"}
            return subprocess.run(sys.argv[1:], env=env, check=False).returncode
        finally:
            run("pg_ctl", "-D", str(data), "-w", "-m", "fast", "stop")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
