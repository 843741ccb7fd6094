"""Figures of ``make test-telephony``."""

from tests.figures import Figures

_kept = Figures("telephony")
figure = _kept.figure
tally = _kept.tally
