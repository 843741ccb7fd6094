import random

from offhook.core.speech.gate import Edge, Gate, GateSettings

WINDOW = 256


def run(probabilities: list[float], settings: GateSettings | None = None) -> list[tuple[int, Edge]]:
    gate = Gate(settings or GateSettings())
    edges = []
    for index, probability in enumerate(probabilities):
        edge = gate.feed(probability, index * WINDOW, (index + 1) * WINDOW)
        if edge is not None:
            edges.append((index, edge))
    return edges


def test_speech_starts_with_its_second_likely_window_and_is_dated_to_the_first() -> None:
    assert run([0.0, 0.9, 0.9]) == [(2, Edge(True, WINDOW))]


def test_one_likely_window_between_unlikely_ones_is_a_click() -> None:
    assert run([0.0, 0.9, 0.0, 0.0, 0.9, 0.0, 0.0]) == []


def test_a_dip_of_one_window_does_not_delay_the_start() -> None:
    assert run([0.9, 0.1, 0.9]) == [(2, Edge(True, 0))]


def test_speech_stops_after_three_unlikely_windows_and_is_dated_to_the_last_likely_one() -> None:
    assert run([0.9, 0.9, 0.9, 0.1, 0.1, 0.1])[1] == (5, Edge(False, 3 * WINDOW))


def test_between_the_thresholds_speech_goes_on() -> None:
    assert run([0.9, 0.9, 0.1, 0.1, 0.4, 0.1, 0.1, 0.1])[1] == (7, Edge(False, 5 * WINDOW))


def test_it_can_start_again() -> None:
    edges = run([0.9, 0.9, 0.0, 0.0, 0.0, 0.9, 0.9])
    assert [edge.started for _, edge in edges] == [True, False, True]
    assert edges[2][1].sample == 5 * WINDOW


def test_the_last_speech_is_known_before_its_end_is() -> None:
    gate = Gate(GateSettings())
    for number, probability in enumerate((0.9, 0.9, 0.9, 0.1)):
        gate.feed(probability, number * WINDOW, (number + 1) * WINDOW)
    assert gate.speaking
    assert gate.last_speech == 3 * WINDOW


def test_which_window_may_be_an_edge_is_known_before_it_is_there() -> None:
    dice, gate, edges = random.Random(7), Gate(GateSettings()), 0
    for index in range(20_000):
        undecided = gate.undecided
        edge = gate.feed(dice.choice((0.1, 0.2, 0.4, 0.9)), index * WINDOW, (index + 1) * WINDOW)
        assert undecided or edge is None
        edges += edge is not None
    assert edges > 1_000


def test_only_windows_that_may_decide_are_undecided() -> None:
    gate, known = Gate(GateSettings()), []
    for index, probability in enumerate([0.1, 0.9, 0.1, 0.1, 0.9, 0.9, 0.9, 0.1, 0.9, 0.1, 0.1, 0.1, 0.1]):
        known.append(gate.undecided)
        gate.feed(probability, index * WINDOW, (index + 1) * WINDOW)
    assert [index for index, undecided in enumerate(known) if undecided] == [2, 3, 5, 11]
