"""What the doctor says of the wall's secret and of the addresses that carriers are given."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from offhook.cli import doctor_ways
from offhook.engine.settings import EngineSettings
from offhook.orchestrator.settings import OrchestratorSettings

ONE, OTHER = SecretStr("whsec_b25lIG9uZSBvbmUgb25lIG9uZQ=="), SecretStr("whsec_dHdvIHR3byB0d28gdHdvIHR3bw==")


@pytest.mark.parametrize(("engine", "grade"), [(ONE, "ok"), (OTHER, "ok"), (SecretStr("whsec_bm8="), "fail"), (SecretStr(""), "warn")])
def test_both_sides_must_have_one_secret(engine: SecretStr, grade: str) -> None:
    orchestrator = OrchestratorSettings(secret=ONE, old_secrets=(OTHER,))
    line = doctor_ways.secret(EngineSettings(secret=engine), orchestrator)
    assert line.grade == grade
    assert ONE.get_secret_value() not in str(line)


@pytest.mark.parametrize(
    ("public", "media", "grades"),
    [
        ("", None, ["warn"]),
        ("https://voice.example.com", None, ["ok", "ok"]),
        ("https://voice.example.com/", "wss://media.example.com/media/twilio", ["ok", "ok"]),
        ("http://voice.example.com", None, ["fail", "fail"]),
        ("https://voice.example.com/offhook", None, ["fail", "ok"]),
        ("https://voice.example.com", "ws://media.example.com/media/twilio", ["ok", "fail"]),
        ("https://voice.example.com", "wss://media.example.com/media/twilio?a=b", ["ok", "fail"]),
    ],
)
def test_carriers_take_https_and_wss_of_a_host_alone(public: str, media: str | None, grades: list[str]) -> None:
    settings = OrchestratorSettings.model_validate({"secret": ONE, "public_url": public} | ({"media_url": media} if media else {}))
    assert [line.grade for line in doctor_ways.addresses(settings)] == grades
