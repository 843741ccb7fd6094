"""Model weights: found in an installed package, else in a local folder, and never used without the right sha256.

The carriers of some weights are packages that would pull in torch and more. They are installed without their dependencies,
and never imported: only their place on disk is asked for.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from offhook.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of weights: ``name`` is its path in a local folder, ``install`` what pip must install to have it."""

    name: str
    package: str
    path_in_package: str
    sha256: str
    size: int
    install: str
    also: tuple[tuple[str, str], ...] = ()
    """Other packages (and paths in them) that carry the same bytes."""


SILERO_VAD = ModelFile(
    "silero_vad.onnx",
    "silero_vad",
    "data/silero_vad.onnx",
    "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
    2_327_524,
    "--no-deps silero-vad==6.2.3",
    also=(("pipecat", "audio/vad/data/silero_vad.onnx"),),
)
MOONSHINE_ENCODER = ModelFile(
    "moonshine-tiny-en/encoder_model.ort",
    "moonshine_voice",
    "assets/tiny-en/encoder_model.ort",
    "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221",
    13_281_600,
    "--no-deps moonshine-voice==0.1.0",
)
MOONSHINE_DECODER = ModelFile(
    "moonshine-tiny-en/decoder_model_merged.ort",
    "moonshine_voice",
    "assets/tiny-en/decoder_model_merged.ort",
    "cf524c4862d36e9e5ab032eddc73637efd822d70e868ac575cf1a46e1e4708a0",
    30_412_256,
    "--no-deps moonshine-voice==0.1.0",
)
MOONSHINE_TOKENS = ModelFile(
    "moonshine-tiny-en/tokenizer.bin",
    "moonshine_voice",
    "assets/tiny-en/tokenizer.bin",
    "6884b35fd6377d4c4d32336a0bc152f36b64d1e45b6503683cdc238250a8472d",
    249_974,
    "--no-deps moonshine-voice==0.1.0",
)
HIBARI_HEART = ModelFile(
    "hibari/hibari.onnx",
    "hibari",
    "assets/hibari.onnx",
    "5f70741d4e900f4e85d0037498736cc1b3e1b9a63a13546a5da1e63abf4fccd8",
    7_936_868,
    "hibari-tts==0.2.1",
)
SMART_TURN = ModelFile(
    "smart-turn-v3.2-cpu.onnx",
    "pipecat",
    "audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx",
    "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f",
    8_679_182,
    "--no-deps pipecat-ai==1.14.0",
)
KNOWN: tuple[ModelFile, ...] = (SILERO_VAD, MOONSHINE_ENCODER, MOONSHINE_DECODER, MOONSHINE_TOKENS, HIBARI_HEART, SMART_TURN)


class ModelStore:
    """Finds weights. A file is hashed once per process, and again when its size or time of change differs."""

    def __init__(self, local_dir: Path | None = None) -> None:
        self._local_dir = local_dir
        self._verified: dict[tuple[Path, int, int], str] = {}

    def locate(self, file: ModelFile) -> Path:
        """Path of the verified file; raises ConfigError that says what to install."""
        wrong: list[Path] = []
        for path in self._candidates(file):
            if not path.is_file():
                continue
            if self._digest(path) == file.sha256:
                return path
            wrong.append(path)
        place = f", or put it at {self._local_dir / file.name}" if self._local_dir is not None else ""
        if wrong:
            names = ", ".join(str(path) for path in wrong)
            raise ConfigError(
                f"model file {file.name}: {names} has not the expected content (sha256 {file.sha256[:12]}...); "
                f"reinstall with: pip install --force-reinstall {file.install}{place}"
            )
        raise ConfigError(f"model file {file.name} is not there; install it with: pip install {file.install}{place}")

    def _candidates(self, file: ModelFile) -> list[Path]:
        found: list[Path] = []
        for package, inside in ((file.package, file.path_in_package), *file.also):
            # A top-level name is looked up without importing anything.
            spec = importlib.util.find_spec(package)
            if spec is not None:
                found.extend(Path(folder) / inside for folder in spec.submodule_search_locations or ())
        if self._local_dir is not None:
            found.append(self._local_dir / file.name)
        return found

    def _digest(self, path: Path) -> str:
        stat = path.stat()
        key = (path, stat.st_size, stat.st_mtime_ns)
        if key not in self._verified:
            with path.open("rb") as stream:
                self._verified[key] = hashlib.file_digest(stream, "sha256").hexdigest()
        return self._verified[key]
