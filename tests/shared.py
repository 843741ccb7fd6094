"""Where the shared recordings and data sets are, if they are there."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[1].parent / "shared"
needs_shared = pytest.mark.skipif(
    not (SHARED / "speech" / "manifest.json").is_file(), reason="the shared test data is not beside the repository"
)
