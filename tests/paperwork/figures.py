"""Figures of ``make test-paperwork``."""

from tests.figures import Figures

_kept = Figures("paperwork")
figure = _kept.figure
tally = _kept.tally
