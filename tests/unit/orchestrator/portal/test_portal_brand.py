"""One colour becomes a brand that can be read in both themes; the table of tokens can be read too."""

from __future__ import annotations

import random
import re

import pytest

from offhook.orchestrator.portal.assets import FOLDER
from offhook.orchestrator.portal.brand import DARK, EDGE, INK, LIGHT, OWN, TEXT, WHITE, contrast, shades

TEXTS = ("ink", "ink2", "ink3", "caller", "agent", "ok", "info", "move", "warn", "bad", "quiet")
STAGES = ("st-wait", "st-transcript", "st-model", "st-voice", "st-line")


def tokens(theme: str) -> dict[str, str]:
    """The colours of app.css for a theme, as it is chosen by name."""
    css = (FOLDER / "app.css").read_text(encoding="utf-8")
    block = re.search(rf'\[data-theme="{theme}"\] {{(.*?)}}', css, re.DOTALL)
    assert block
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block.group(1)))


@pytest.mark.parametrize(("theme", "surfaces"), [("light", LIGHT), ("dark", DARK)])
def test_every_token_can_be_read_where_it_stands(theme: str, surfaces: tuple[str, ...]) -> None:
    found = tokens(theme)
    assert (found["surface"], found["paper"], found["sunk"]) == surfaces
    for name in TEXTS:
        assert min(contrast(found[name], one) for one in surfaces) >= TEXT, name
    for name in ("edge", *STAGES):
        assert contrast(found[name], found["surface"]) >= EDGE, name


def test_the_system_may_choose_dark_as_a_person_may() -> None:
    css = (FOLDER / "app.css").read_text(encoding="utf-8")
    by_system = re.search(r'prefers-color-scheme: dark\) {\s*:root:not\(\[data-theme="light"\]\) {(.*?)}', css, re.DOTALL)
    assert by_system
    assert dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", by_system.group(1))) == tokens("dark")


def test_ten_thousand_brands_can_be_read() -> None:
    dice = random.Random(20261121)
    for _ in range(10_000):
        colour = f"#{dice.randrange(1 << 24):06x}"
        for one, surfaces in zip(shades(colour), (LIGHT, DARK), strict=True):
            assert contrast(one.brand, one.on) >= TEXT, colour
            assert min(contrast(one.btext, surface) for surface in (*surfaces, one.wash)) >= TEXT, colour
            assert contrast(one.edge3, surfaces[0]) >= EDGE, colour


def test_a_colour_that_can_be_read_is_kept() -> None:
    light, dark = shades(OWN)
    assert (light.brand, light.on, light.btext, light.edge3) == (OWN, WHITE, OWN, OWN)
    assert contrast(dark.brand, DARK[0]) >= 3.2


def test_yellow_is_kept_with_ink_on_it_and_its_links_are_brown() -> None:
    light, _ = shades("#f5b700")
    assert (light.brand, light.on) == ("#f5b700", INK)
    assert light.btext == "#8a6600"
    assert light.edge3 != light.brand


@pytest.mark.parametrize("colour", ["#ffffff", "#000000", "#808080", "#0000ff", "#00ff00", "#ff00ff"])
def test_the_ends_of_the_scale_work(colour: str) -> None:
    for one, surfaces in zip(shades(colour), (LIGHT, DARK), strict=True):
        assert contrast(one.brand, one.on) >= TEXT
        assert contrast(one.btext, surfaces[0]) >= TEXT


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)
    assert contrast("#123456", "#123456") == 1
