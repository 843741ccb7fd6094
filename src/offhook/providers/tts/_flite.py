"""flite's voice "slt", a process for each clause: the fallback where hibari is not installed. No word times."""

from __future__ import annotations

import subprocess
import tempfile
import wave
from pathlib import Path

from offhook.errors import BadOutput, Timeout, Unavailable
from offhook.providers.tts._hibari import NOTHING, Spoken

_TIMEOUT_S = 10.0


class FliteVoice:
    """Runs the program; text goes in by a file, so no text is ever read as an option."""

    rate = 16_000

    def __init__(self, program: str) -> None:
        self._program = program

    def say(self, text: str) -> Spoken:
        """A clause. Raises Unavailable, Timeout or BadOutput."""
        if not any(char.isalnum() for char in text):
            return NOTHING
        with tempfile.TemporaryDirectory(prefix="offhook-flite-") as folder:
            said, sound = Path(folder) / "text", Path(folder) / "sound.wav"
            said.write_text(text, encoding="utf-8")
            command = [self._program, "-voice", "slt", "-f", str(said), "-o", str(sound)]
            try:
                subprocess.run(command, check=True, capture_output=True, timeout=_TIMEOUT_S)  # noqa: S603 - fixed program, text in a file
            except subprocess.TimeoutExpired as error:
                raise Timeout("tts/local", "flite took too long") from error
            except (OSError, subprocess.CalledProcessError) as error:
                raise Unavailable("tts/local", "flite could not be run") from error
            try:
                with wave.open(str(sound)) as reader:
                    if (reader.getframerate(), reader.getsampwidth(), reader.getnchannels()) != (self.rate, 2, 1):
                        raise BadOutput("tts/local", "flite's audio is not 16 kHz mono")
                    return Spoken(reader.readframes(reader.getnframes()), ())
            except (OSError, EOFError, wave.Error) as error:
                raise BadOutput("tts/local", "flite wrote no audio") from error
