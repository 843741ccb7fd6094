"""How a colour will look: a button, a link and where one is, in both modes, drawn as a picture. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from offhook.orchestrator.portal.brand import DARK, LIGHT, Shades, contrast, shades

_HEX: Final = re.compile(r"#[0-9a-fA-F]{6}")
_INKS: Final = {"light": ("#17211c", "#48544d", "#dfe3dc"), "dark": ("#e8eeea", "#b0bbb4", "#252e29")}


@dataclass(frozen=True, slots=True)
class Mode:
    """One mode: its surfaces, its inks, and what is made of the colour for it."""

    name: str
    surface: str
    paper: str
    ink: str
    ink2: str
    line: str
    shades: Shades
    button: float
    link: float
    """Contrast of the button's words and of a link's."""


def previews(colour: str) -> tuple[Mode, Mode] | None:
    """Light and dark; None for what is no colour."""
    if not _HEX.fullmatch(colour):
        return None
    light, dark = shades(colour.lower())
    return _mode("light", LIGHT, light), _mode("dark", DARK, dark)


def _mode(name: str, surfaces: tuple[str, ...], made: Shades) -> Mode:
    ink, ink2, line = _INKS[name]
    button, link = contrast(made.brand, made.on), contrast(made.btext, surfaces[0])
    return Mode(name, surfaces[0], surfaces[1], ink, ink2, line, made, round(button, 1), round(link, 1))
