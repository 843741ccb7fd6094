"""What the how-to, the rules and the decision name is there: every metric, every label, every outcome."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from offhook.engine.settings import EngineSettings
from offhook.engine.telemetry.calls import OUTCOMES
from offhook.engine.telemetry.catalogue import Metrics
from offhook.engine.telemetry.metrics import Histogram

ROOT = Path(__file__).parents[4]
PLACES = ("docs/howto/monitor.md", "examples/monitoring/alerts.yml")
TARGET = {"instance", "job", "le"}


def names() -> dict[str, set[str]]:
    """Every name that can be asked for, with its labels."""
    found = {}
    for name, metric in Metrics().registry.metrics.items():
        suffixes = ("_bucket", "_sum", "_count") if isinstance(metric, Histogram) else ("",)
        found.update({name + suffix: {*metric.labels, *TARGET} for suffix in suffixes})
    return found


@pytest.mark.parametrize("place", PLACES)
def test_what_is_asked_for_is_there(place: str) -> None:
    text = (ROOT / place).read_text()
    known, queries = names(), queries_of(place, text)
    assert len(queries) >= 5
    for query in queries:
        used = set(re.findall(r"voice_\w+", query))
        assert used <= set(known), used - set(known)
        labels = {label for name in used for label in known[name]}
        grouped = {label for group in re.findall(r"by \(([^)]*)\)", query) for label in re.split(r"[,\s]+", group) if label}
        matched = {label for inside in re.findall(r"\{([^}]*)\}", query) for label in re.findall(r"(\w+)\s*(?:=|!)", inside)}
        assert grouped | matched <= labels | TARGET, (query, grouped | matched)
        assert query.count("(") == query.count(")")


def queries_of(place: str, text: str) -> list[str]:
    if place.endswith(".md"):
        return re.findall(r"```promql\n(.*?)```", text, re.DOTALL)
    return [str(rule["expr"]) for group in rules(text)["groups"] for rule in group["rules"]]


def rules(text: str) -> Any:
    return YAML(typ="safe").load(text)


def test_alerts_say_whom_they_wake_and_why() -> None:
    found = [rule for group in rules((ROOT / PLACES[1]).read_text())["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in found}) == len(found)
    for rule in found:
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"].endswith(".")
        outcomes = {word for part in re.findall(r'voice_provider\w+\{outcome=~?"([^"]*)"', str(rule["expr"])) for word in part.split("|")}
        assert outcomes <= {word for _, word in OUTCOMES}


def test_the_scrape_loads_the_rules_and_finds_the_engine() -> None:
    config = rules((ROOT / "examples/monitoring/prometheus.yml").read_text())
    assert all((ROOT / "examples/monitoring" / name).is_file() for name in config["rule_files"])
    (job,) = config["scrape_configs"]
    assert job["static_configs"][0]["targets"] == [f"127.0.0.1:{EngineSettings.model_fields['port'].default}"]


def test_settings_that_the_how_to_names_are_there() -> None:
    named = set(re.findall(r"OFFHOOK_ENGINE_(\w+)", (ROOT / PLACES[0]).read_text()))
    assert named == {"OTLP_URL", "OTLP_HEADERS"}
    assert {name.lower() for name in named} <= set(EngineSettings.model_fields)
