"""Where vendors have regions of their own: hosts by the setting that names them, as the vendors' documentation has them.

Any other place is given as an address, in the same setting.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

HOSTS: Final[Mapping[str, Mapping[str, str]]] = {
    "DEEPGRAM_BASE_URL": {
        "us": "https://api.deepgram.com", "eu": "https://api.eu.deepgram.com",
        "au": "https://api.au.deepgram.com", "in": "https://api.in.deepgram.com",
    },
    "ASSEMBLYAI_BASE_URL": {"us": "https://streaming.assemblyai.com", "eu": "https://streaming.eu.assemblyai.com"},
    "ELEVENLABS_BASE_URL": {
        "us": "https://api.us.elevenlabs.io", "eu": "https://api.eu.residency.elevenlabs.io",
        "in": "https://api.in.residency.elevenlabs.io", "sg": "https://api.sg.residency.elevenlabs.io",
    },
}  # fmt: skip
