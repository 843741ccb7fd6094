"""Where revenue-share fraud sends calls, as the beginning of E.164 numbers. Data; a range is here with who has published it.

- Caribbean area codes of the one-ring fraud: the FBI's warning of February 2014 (Anguilla, Antigua and Barbuda, Barbados, British Virgin
  Islands, Dominica, Grenada, Montserrat, Turks and Caicos Islands). They look like numbers of the United States and cost what calls
  abroad cost.
- Cuba, Latvia, Lithuania and Somalia stood at the head of the lists of international premium rate numbers for years (Commsrisk, "What is
  new with IRSF fraud"); since 2018 such numbers are found everywhere, and ranges that nobody has been given are used (BiAaS, "Why
  unallocated phone numbers should be a key control"). So a list alone protects nobody: ``rules`` refuses every country that a tenant has
  not named, and abroad every number that cannot be anybody's.
"""

from __future__ import annotations

from typing import Final

FRAUD: Final[tuple[tuple[str, str], ...]] = (
    ("1264", "AI"),
    ("1268", "AG"),
    ("1246", "BB"),
    ("1284", "VG"),
    ("1767", "DM"),
    ("1473", "GD"),
    ("1664", "MS"),
    ("1649", "TC"),
    ("53", "CU"),
    ("371", "LV"),
    ("370", "LT"),
    ("252", "SO"),
)
"""The beginning of a number without its plus, and whose country it is: there it is an ordinary number."""
