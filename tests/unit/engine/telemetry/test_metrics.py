"""The text format, read back by Prometheus' own parser; and the bound on series."""

from __future__ import annotations

import math

import pytest
from prometheus_client.parser import text_string_to_metric_families

from offhook.engine.telemetry.catalogue import STAGES, Metrics
from offhook.engine.telemetry.metrics import SECONDS, Counter, Gauge, Histogram, Reading, Registry


def read(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_is_counted_is_read_back_as_prometheus_reads_it() -> None:
    calls, depth, took = (
        Counter("calls_total", "Calls, by how.\nAnd \\ more.", ("outcome", "why")),
        Gauge("depth", "How deep."),
        Histogram("took_seconds", "How long.", ("stage",)),
    )
    registry = Registry((calls, depth, took))
    calls.add("ended", 'said "no"\\\n')
    calls.add("ended", 'said "no"\\\n', by=2)
    depth.set(-0.5)
    for value in (0.0, 0.02, 0.021, 0.5, 11.0):
        took.observe(value, "eot")
    found = read(registry.text())
    assert found["calls_total", (("outcome", "ended"), ("why", 'said "no"\\\n'))] == 3
    assert found["depth", ()] == -0.5
    buckets = {float(dict(labels)["le"]): value for (name, labels), value in found.items() if name == "took_seconds_bucket"}
    assert tuple(buckets) == (*SECONDS, math.inf)
    assert (buckets[0.02], buckets[0.05], buckets[0.4], buckets[0.5], buckets[10.0], buckets[math.inf]) == (2, 3, 3, 4, 4, 5)
    assert found["took_seconds_count", (("stage", "eot"),)] == 5
    assert found["took_seconds_sum", (("stage", "eot"),)] == pytest.approx(11.541)
    kinds = {family.name: (family.type, family.documentation) for family in text_string_to_metric_families(registry.text())}
    assert kinds["calls"] == ("counter", "Calls, by how.\nAnd \\ more.")
    assert kinds["took_seconds"][0] == "histogram"


def test_what_a_broken_clock_measures_is_left_out() -> None:
    took, count = Histogram("took_seconds", "x"), Counter("count_total", "x")
    for value in (-0.001, math.nan, math.inf):
        took.observe(value)
        count.add(by=value)
    assert took.count() == 0
    assert count.value() == 0


def test_series_are_bounded_whatever_is_in_the_labels() -> None:
    metric, took = Counter("vendors_total", "x", ("vendor",)), Histogram("took_seconds", "x", ("vendor",))
    registry = Registry((metric, took), series=100)
    for number in range(500):
        metric.add(f"vendor-{number}")
        took.observe(0.1, f"vendor-{number}")
    found = read(registry.text())
    assert len(found) <= 100
    assert sum(value for (name, _), value in found.items() if name == "vendors_total") == 500
    assert found["vendors_total", (("vendor", "other"),)] > 400
    assert took.count("other") > 400
    assert registry.budget.refused > 400
    metric.add("vendor-1")
    assert metric.value("vendor-1") == 2
    metric.add("v" * 500)
    assert all(len(value) <= 64 for _, labels in read(registry.text()) for _, value in labels)


def test_a_reading_replaces_the_one_before_and_is_bounded_too() -> None:
    now: Reading = {("a",): 1.0, ("b",): 2.0}
    metric = Gauge("open", "x", ("vendor",), read=lambda: now)
    registry = Registry((metric,), series=4)
    assert read(registry.text()) == {("open", (("vendor", "a"),)): 1, ("open", (("vendor", "b"),)): 2}
    now = {(f"v{number}",): 1.0 for number in range(5)}
    assert read(registry.text()) == {("open", (("vendor", "v0"),)): 1, ("open", (("vendor", "other"),)): 4}


def test_mistakes_of_ours_are_told() -> None:
    metric = Counter("a_total", "x", ("one",))
    with pytest.raises(ValueError, match="labels"):
        metric.add("one", "two")
    with pytest.raises(ValueError, match="two metrics"):
        Registry((metric, Gauge("a_total", "x")))


def test_the_catalogue_is_whole_readable_and_names_nobody() -> None:
    metrics = Metrics()
    metrics.see(3, 100, {"taken": 5, "full": 1}, 7, {"overflow": 2})
    for stage in STAGES.values():
        metrics.stage.observe(0.1, stage)
    found = read(metrics.text())
    assert found["voice_calls_active", ()] == 3
    assert found["voice_admission_total", (("decision", "full"),)] == 1
    assert found["voice_telemetry_spans_dropped_total", (("reason", "overflow"),)] == 2
    assert found["voice_characters_total", ()] == 0
    labels = {label for metric in metrics.registry.metrics.values() for label in metric.labels}
    assert labels == {"outcome", "decision", "stage", "kind", "vendor", "from", "to", "reason", "direction", "cached", "transport"}
    assert {name for name, metric in metrics.registry.metrics.items() if metric.kind == "counter"} == {
        name for name in metrics.registry.metrics if name.endswith("_total")
    }
    assert all(name.startswith("voice_") and metric.help.endswith(".") for name, metric in metrics.registry.metrics.items())
