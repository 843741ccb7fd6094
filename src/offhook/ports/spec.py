"""What a provider says of itself, as data. The engine reads capabilities; it never asks who the vendor is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from offhook.core.audio.format import AudioFormat

Kind = Literal["stt", "tts", "llm", "vad", "endpoint"]


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """Id (``stt/local``), formats in the order of preference, and capabilities."""

    id: str
    kind: Kind
    formats: tuple[AudioFormat, ...] = ()
    """Accepted by STT, VAD and endpoint; offered by TTS."""
    locales: tuple[str, ...] = ("en",)
    streaming: bool = True
    word_times: bool = False
    own_endpointing: bool = False
    """A recogniser that says itself when a turn is over."""
    pieces: bool = False
    """A voice that says what it is given one after the other as one sentence: text may go in word by word."""
    structured: bool = False
    """A language model whose answer can be bound to a JSON schema."""
    tools: bool = False
    """A language model that can propose tool calls."""
    voices: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    hosted: bool = True
    """A vendor with an address of its own; for any other the address is a setting."""
    keyless: bool = False
    """It may need no key: a server of one's own."""
    settings: dict[str, str] = field(default_factory=dict)
    """Names of settings with their help; secrets end in ``_api_key``."""
