"""Whose and where the orchestrator is, and what commands have in common."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from pydantic import BaseModel
from typer.testing import CliRunner, Result

from offhook.cli import api as shared
from offhook.cli.api import HERE, Api, Login, choose_login, command, keep_login, kept_login, login_file
from offhook.client.base import Page, Retrying
from offhook.errors import ConfigError

KEPT = Login("https://voice.example.com", "ok_live_kept")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("OFFHOOK_ORCHESTRATOR_STATE_DIR", str(tmp_path / "var"))
    for name in ("OFFHOOK_URL", "OFFHOOK_TOKEN", "OFFHOOK_TENANT", "OFFHOOK_ORCHESTRATOR_URL", "OFFHOOK_ORCHESTRATOR_ADMIN_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def up(own_folder: Path) -> None:
    """As `offhook up` leaves it."""
    (own_folder / "var").mkdir()
    (own_folder / "var" / "keys.json").write_text('{"secret": "s", "admin_token": "own"}', encoding="utf-8")


def test_a_login_is_kept_for_its_owner_alone() -> None:
    assert kept_login() is None
    keep_login(KEPT)
    path = keep_login(KEPT)
    assert path == login_file()
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["login.json"]
    assert kept_login() == KEPT
    assert "ok_live" not in repr(KEPT)
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="may be read by others"):
        kept_login()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"url": "x"}', "\x00"])
def test_a_damaged_login(text: str) -> None:
    path = keep_login(KEPT)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="is damaged"):
        kept_login()


@pytest.mark.usefixtures("up")
def test_without_a_login_this_machine_is_meant() -> None:
    assert choose_login(None, None) == Login(HERE, "own")
    assert choose_login("http://localhost:9000", None) == Login("http://localhost:9000", "own")
    assert choose_login(None, "mine") == Login(HERE, "mine")
    assert choose_login("https://elsewhere.example.com", None) == Login("https://elsewhere.example.com", "")
    assert choose_login("https://127.0.0.1.example.com", None).token == ""
    assert choose_login("http://[", None).token == ""


@pytest.mark.usefixtures("up")
def test_a_kept_token_goes_nowhere_else() -> None:
    keep_login(KEPT)
    assert choose_login(None, None) == KEPT
    assert choose_login(KEPT.url + "/", None) == KEPT
    assert choose_login(None, "other") == Login(KEPT.url, "other")
    assert choose_login("https://elsewhere.example.com", None).token == ""
    assert choose_login("http://127.0.0.1:8080", None).token == "own"
    assert choose_login("https://elsewhere.example.com", "t") == Login("https://elsewhere.example.com", "t")


# -- commands ---------------------------------------------------------------------------------------------------------------


TENANT: dict[str, Any] = {
    "reseller_id": "direct",
    "name": "Harbour",
    "timezone": "Europe/London",
    "region": "GB",
    "locale": "en-GB",
    "fallback_number": None,
    "retention_days": None,
    "diary": {},
    "max_calls": 10,
    "state": "active",
    "revision": 1,
    "created_at": "2026-11-21T10:00:00Z",
    "subject": "0" * 16,
}


class Tenants(BaseHTTPRequestHandler):
    """An orchestrator that has as many tenants as its token says."""

    def do_GET(self) -> None:
        token = self.headers.get("authorization", "").removeprefix("Bearer ")
        if not token.isdigit():
            body, status = {"type": "urn:offhook:problem:not_signed_in", "title": "sign in", "status": 401}, 401
        else:
            tenants = [TENANT | {"id": f"ten_{n}"} for n in range(int(token))]
            body, status = {"data": tenants, "next_cursor": None}, 200
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def orchestrator() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Tenants) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Thing(BaseModel):
    id: str
    open: bool
    sizes: list[str]
    more: dict[str, int] | None


THING = Thing(id="[x]", open=True, sizes=["a", "b"], more={"n": 1})
app = typer.Typer()


@command(app, "which")
def which(api: Api) -> None:
    """The tenant that is meant."""
    api.done(api.tenant)


@command(app, "list")
def list_things(api: Api, size: Annotated[int, typer.Argument()] = 1) -> None:
    api.rows(Page[Thing](data=[THING] * size, next_cursor="abc"), {"id": "id", "open": "open", "first size": lambda one: one.sizes[0]})


@command(app, "show")
def show(api: Api) -> None:
    api.show(THING)


def run(*words: str) -> Result:
    return CliRunner(env={"COLUMNS": "200", "TERMINAL_WIDTH": "200"}).invoke(app, list(words))


def test_the_only_tenant_is_meant(orchestrator: str) -> None:
    assert run("which", "--url", orchestrator, "--token", "1").output.strip() == "ten_0"
    assert run("which", "--url", orchestrator, "--token", "2", "--tenant", "ten_x").output.strip() == "ten_x"


def test_errors_are_one_sentence_and_1(orchestrator: str) -> None:
    for token, sentence in (("0", "there is no tenant yet"), ("2", "there are several tenants: say which with --tenant")):
        found = run("which", "--url", orchestrator, "--token", token)
        assert (found.exit_code, sentence in found.stderr, found.stdout) == (1, True, "")
    found = run("which", "--url", orchestrator, "--token", "nobody")
    assert found.exit_code == 1
    assert found.stderr == "sign in\nrun `offhook login`, or set OFFHOOK_URL and OFFHOOK_TOKEN\n"
    found = run("which", "--url", "nowhere")
    assert (found.exit_code, found.stderr) == (1, "'nowhere' is no address of an orchestrator: it begins with https:// or http://\n")


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "RETRYING", Retrying(times=0))
    found = run("which", "--url", "http://127.0.0.1:9")
    assert (found.exit_code, found.stderr) == (1, "the orchestrator at http://127.0.0.1:9 cannot be reached: is `offhook up` running?\n")


def test_output() -> None:
    found = run("list", "2", "--token", "x")
    assert found.output.count("[x]") == 2
    assert "first size" in found.output
    assert "--cursor abc" in found.output
    assert json.loads(run("list", "--token", "x", "--json").output) == {"data": [THING.model_dump()], "next_cursor": "abc"}
    assert json.loads(run("show", "--token", "x", "--json").output) == THING.model_dump()
    assert [line.split() for line in run("show", "--token", "x").output.splitlines()] == [
        ["id", "[x]"],
        ["open", "yes"],
        ["sizes", "a,", "b"],
        ["more", '{"n":', "1}"],
    ]


def test_help_shows_what_all_commands_take() -> None:
    text = run("list", "--help").output
    assert [word for word in ("--url", "--token", "--tenant", "--json", "SIZE") if word.lower() not in text.lower()] == []


# -- documents ---------------------------------------------------------------------------------------------------------------


def test_documents(tmp_path: Path) -> None:
    path = tmp_path / "thing.yaml"
    path.write_text("id: x\nopen: true\nsizes: [a]\nmore: null\n", encoding="utf-8")
    assert shared.document_as(Thing, path) == Thing(id="x", open=True, sizes=["a"], more=None)
    path.write_text('{"id": "x", "open": true, "sizes": [4], "more": null}', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"(?s)thing.yaml is not as it should be.*sizes\.0: Input should be a valid string"):
        shared.document_as(Thing, path)
    path.write_text("id: x\nopen: [\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"thing.yaml, line \d"):
        shared.document_as(Thing, path)
    with pytest.raises(ConfigError, match="cannot be read"):
        shared.document_as(Thing, tmp_path / "none.yaml")


def test_what_cannot_be_undone_is_asked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    shared.confirm("sure?", yes=True)

    def no(text: str) -> bool:
        return False

    def nobody(text: str) -> bool:
        raise typer.Abort

    for answer in (no, nobody):
        monkeypatch.setattr(typer, "confirm", answer)
        with pytest.raises(ConfigError, match="nothing was done"):
            shared.confirm("sure?", yes=False)
