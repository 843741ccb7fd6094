"""Finding the page, and talking by typing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from offhook.cli import talk

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "receptionist"
APP = typer.Typer()
APP.command()(talk.main)


@contextmanager
def engine(body: object, status: int = 200) -> Iterator[str]:
    """Something that answers health checks."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = json.dumps(body).encode()
            self.send_response(status if self.path == "/healthz" else 404)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_the_page_of_a_running_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def keep(page: str) -> bool:
        opened.append(page)
        return True

    monkeypatch.setattr("webbrowser.open", keep)
    with engine({"capacity": 100, "draining": False}) as url:
        done = CliRunner().invoke(APP, ["--url", f"{url}/"])
        assert (done.exit_code, done.output.strip()) == (0, f"Talk to the agent at {url}/talk/")
        assert opened == []
        assert CliRunner().invoke(APP, ["--url", url, "--open"]).exit_code == 0
        assert opened == [f"{url}/talk/"]


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"capacity": 1, "draining": True}, 200, "being stopped"),
        ({"status": "ok"}, 200, "no engine of offhook"),
        ([], 200, "no engine of offhook"),
        ({}, 503, "status 503"),
    ],
)
def test_what_is_no_running_engine(body: object, status: int, told: str) -> None:
    with engine(body, status) as url:
        done = CliRunner().invoke(APP, ["--url", url])
    assert done.exit_code == 1
    assert told in done.output


def test_nobody_there() -> None:
    done = CliRunner().invoke(APP, ["--url", "http://127.0.0.1:1"])
    assert done.exit_code == 1
    assert "offhook up" in done.output


BOOKING = """Hi, my kitchen tap is leaking.
This week please.
It's 4 Mill Lane, Southsea, PO5 2AB.
Ann Lee.
oh one six three two, nine six oh, one one one
Yes.
Tuesday.
Tuesday at nine please.
Yes, please.
No, that's all, thank you.
this is after the end
"""


def test_a_booking_by_typing() -> None:
    words = ["--text", str(EXAMPLE / "receptionist.yaml"), "--tools", str(EXAMPLE / "receptionist.tests.yaml")]
    done = CliRunner().invoke(APP, words, input=BOOKING)
    assert done.exit_code == 0, done.output
    assert "agent: Harbour Plumbing, hello." in done.output
    assert "[book(slot=s1, name=Ann Lee, phone=+441632960111" in done.output
    assert "-> ref=H18]" in done.output
    assert done.output.index("[free_slots(") < done.output.index("I have Tuesday at nine")
    assert done.output.rstrip().endswith("[the call is over: booked]")
    assert done.output.count("agent: Harbour Plumbing, hello.") == 1


def test_without_answers_tools_are_unavailable() -> None:
    done = CliRunner().invoke(APP, ["--text", str(EXAMPLE / "receptionist.yaml")], input=BOOKING)
    assert done.exit_code == 0, done.output
    assert "-> unavailable]" in done.output


def test_tools_alone_keys_silence_and_the_end_of_input(tmp_path: Path) -> None:
    tools = tmp_path / "tools.yaml"
    tools.write_text("free_slots: unavailable\n", encoding="utf-8")
    words = ["--text", str(EXAMPLE / "receptionist.yaml"), "--tools", str(tools)]
    done = CliRunner().invoke(APP, words, input="/what\n/silence\n/keys 1\n")
    assert done.exit_code == 0, done.output
    assert done.output.count("Type what the caller says.") == 2
    assert "[the call is over" in done.output


def test_a_script_with_faults(tmp_path: Path) -> None:
    script = tmp_path / "x.yaml"
    script.write_text("offhook: 1\nid: x\n", encoding="utf-8")
    done = CliRunner().invoke(APP, ["--text", str(script)])
    assert done.exit_code == 1
    assert "x.yaml" in done.output


def test_a_faq_that_is_not_there(tmp_path: Path) -> None:
    tools = tmp_path / "tools.yaml"
    tools.write_text("faq: gone.md\ntools: {}\n", encoding="utf-8")
    done = CliRunner().invoke(APP, ["--text", str(EXAMPLE / "receptionist.yaml"), "--tools", str(tools)])
    assert done.exit_code == 1
    assert "gone.md" in done.output


def test_tools_need_a_script() -> None:
    assert CliRunner().invoke(APP, ["--tools", str(EXAMPLE / "receptionist.yaml")]).exit_code == 2
