"""A reseller's one colour as what the pages need of it, readable in both themes whatever it is. Pure; colours are ``#rrggbb``.

Lightness is moved in OKLCH (Ottosson 2020), so that a colour stays the same to the eye; contrast is WCAG 2.2's.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

LIGHT: Final = ("#ffffff", "#f5f6f3", "#eceee9")
DARK: Final = ("#141a17", "#0d1210", "#0a0e0c")
"""Sheet, paper and sunk, as in app.css."""
WHITE: Final = "#ffffff"
BLACK: Final = "#000000"
INK: Final = "#0d1210"
OWN: Final = "#0f6b50"
"""offhook's own."""
TEXT: Final = 4.5
EDGE: Final = 3.0


@dataclass(frozen=True, slots=True)
class Shades:
    """One theme's: of the primary button, its text, its border; of links; of what is selected."""

    brand: str
    on: str
    edge3: str
    btext: str
    wash: str


@functools.lru_cache(maxsize=1_000)
def shades(colour: str) -> tuple[Shades, Shades]:
    """Of this colour, for light and for dark."""
    return _light(colour), _dark(colour)


def contrast(one: str, other: str) -> float:
    """How well two colours can be told apart: 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _light(colour: str) -> Shades:
    brand, on = colour, WHITE
    if contrast(brand, WHITE) < TEXT:
        if contrast(brand, INK) >= 7.0:
            on = INK
        else:
            brand = _until(brand, 0.0, lambda one: contrast(one, WHITE) >= TEXT)
    wash = _wash(colour, 0.958, 0.018)
    btext = _until(brand, 0.0, lambda one: _worst(one, (*LIGHT, wash)) >= TEXT)
    edge = _until(brand, 0.0, lambda one: contrast(one, LIGHT[0]) >= EDGE)
    return Shades(brand, on, edge, btext, wash)


def _dark(colour: str) -> Shades:
    brand, on = _until(colour, 1.0, lambda one: contrast(one, DARK[0]) >= 3.2), WHITE
    if contrast(brand, WHITE) < TEXT:
        on = INK
        brand = _until(brand, 1.0, lambda one: contrast(one, INK) >= TEXT)
    wash = _wash(colour, 0.255, 0.03)
    btext = _until(brand, 1.0, lambda one: _worst(one, (*DARK, wash)) >= TEXT)
    return Shades(brand, on, brand, btext, wash)


def _worst(colour: str, surfaces: Sequence[str]) -> float:
    return min(contrast(colour, one) for one in surfaces)


def _until(colour: str, end: float, enough: Callable[[str], bool]) -> str:
    """The colour, moved no further towards black (0) or white (1) than is enough."""
    if enough(colour):
        return colour
    near, chroma, hue = _oklch(colour)
    far, found = end, WHITE if end else BLACK
    for _ in range(9):
        middle = (near + far) / 2
        tried = _hex(middle, chroma, hue)
        if enough(tried):
            far, found = middle, tried
        else:
            near = middle
    return found


def _wash(colour: str, lightness: float, most: float) -> str:
    _, chroma, hue = _oklch(colour)
    return _hex(lightness, min(chroma, most), hue)


def _linear(colour: str) -> tuple[float, float, float]:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return red, green, blue


def _luminance(colour: str) -> float:
    red, green, blue = _linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _oklch(colour: str) -> tuple[float, float, float]:
    red, green, blue = _linear(colour)
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    middle = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    lightness = 0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short
    a = 1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short
    return lightness, math.hypot(a, b), math.atan2(b, a)


def _hex(lightness: float, chroma: float, hue: float) -> str:
    """The nearest colour that a screen has: with less chroma where it must."""
    a, b = math.cos(hue), math.sin(hue)
    kept, parts = chroma, _rgb(lightness, chroma * a, chroma * b)
    if not _shown(parts):
        kept, most = 0.0, chroma
        for _ in range(7):
            middle = (kept + most) / 2
            kept, most = (middle, most) if _shown(_rgb(lightness, middle * a, middle * b)) else (kept, middle)
        parts = _rgb(lightness, kept * a, kept * b)
    levels = (min(1.0, max(0.0, one)) for one in parts)
    encoded = (12.92 * one if one <= 0.0031308 else 1.055 * one ** (1 / 2.4) - 0.055 for one in levels)
    return "#" + "".join(f"{round(one * 255):02x}" for one in encoded)


def _shown(parts: Sequence[float]) -> bool:
    return all(-0.0005 <= one <= 1.0005 for one in parts)


def _rgb(lightness: float, a: float, b: float) -> tuple[float, float, float]:
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )
