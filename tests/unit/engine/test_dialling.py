"""Placing calls by REST, and trunks from a file: what is refused before anything rings."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.engine.test_app import SECRET, engine

from offhook.engine.settings import EngineSettings
from offhook.engine.sip import _listen, read_trunks
from offhook.errors import ConfigError
from offhook.signing import headers

ASKED: dict[str, Any] = {"trunk": "one", "to": "+61400000009", "key": "k1"}


def signed(about: str, body: bytes) -> dict[str, str]:
    return headers(SECRET, about, int(datetime.now(UTC).timestamp()), body)


def test_who_may_place_a_call_and_what_a_call_is(tmp_path: Path) -> None:
    body = json.dumps(ASKED).encode()
    with engine(tmp_path) as client:
        assert client.post("/v1/dial", content=body).status_code == 401
        assert client.post("/v1/dial", content=body, headers=signed("dial.other.1", body)).status_code == 401
        assert client.post("/v1/dial", content=body, headers=signed("dial.k1.1", body)).status_code == 409
        wrong = json.dumps({**ASKED, "to": "x@evil.example"}).encode()
        assert client.post("/v1/dial", content=wrong, headers=signed("dial..1", wrong)).status_code == 422
        assert client.get("/v1/dial/k1").status_code == 401
        assert client.get("/v1/dial/k1", headers=signed("dialled.k1.1", b"")).status_code == 404


def test_trunks_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "trunks.yaml"
    path.write_text("trunks:\n  - id: one\n    auth: register\n    host: sip.example\n    password: s3cret\n    dids: ['+61731234567']\n")
    found = read_trunks(path).trunks[0]
    assert (found.id, found.password.get_secret_value(), found.dids) == ("one", "s3cret", ("+61731234567",))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("trunks:\n - id: one\n   auth: trust\n   password: s3cret\n", r"trunks\.0\.auth"),
        ("trunks: [", "not a document"),
        ("- 1\n", "not a document"),
    ],
)
def test_a_file_that_is_no_trunks_is_named_without_its_passwords(text: str, names: str, tmp_path: Path) -> None:
    path = tmp_path / "trunks.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=names) as refused:
        read_trunks(path)
    assert "s3cret" not in refused.value.public
    with pytest.raises(ConfigError, match="cannot be read"):
        read_trunks(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"sip_listen": "somewhere:5060"}, "SIP_LISTEN"),
        ({"sip_listen": "127.0.0.1"}, "SIP_LISTEN"),
        ({"sip_listen": "0.0.0.0:5060"}, "SIP_PUBLIC"),
        ({"sip_listen": "127.0.0.1:5060", "sip_rtp_ports": "30000-20000"}, "SIP_RTP_PORTS"),
    ],
)
def test_a_wrong_setting_is_named(changes: dict[str, str], names: str) -> None:
    with pytest.raises(ConfigError, match=names):
        _listen(EngineSettings.model_validate(changes))


def test_a_machine_behind_nat_says_how_it_is_reached() -> None:
    settings = EngineSettings.model_validate({"sip_listen": "0.0.0.0:5060", "sip_public": "203.0.113.9"})
    assert _listen(settings)[1:] == (("203.0.113.9", 5060), (20_000, 29_999))
