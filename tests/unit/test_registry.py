from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from offhook import registry
from offhook.errors import ConfigError
from offhook.inference import InferencePool
from offhook.providers.vad.silero import SileroVad
from offhook.registry import ProviderContext
from offhook.weights import ModelStore

CONTEXT = ProviderContext(InferencePool(), ModelStore(), {"VENDOR_API_KEY": "sk-secret"})


def test_a_provider_is_found_by_its_module_name() -> None:
    assert isinstance(registry.load("vad", "silero", CONTEXT), SileroVad)


def test_the_embedded_ones_are_on_offer() -> None:
    assert "local" in registry.names("stt")
    assert registry.specs("stt")["local"].id == "stt/local"
    assert registry.spec("tts", "local:hibari").word_times
    assert registry.spec("endpoint", "smart-turn").kind == "endpoint"


def test_what_a_plan_may_name_is_imported_beforehand() -> None:
    code = "import sys; from offhook import registry; registry.preload(); print(*(name for name in sys.modules if '.providers.' in name))"
    there = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    for kind in ("stt", "llm", "tts"):
        assert {f"offhook.providers.{kind}.{name}" for name in registry.specs(kind)} <= set(there)


def test_private_modules_are_not_providers() -> None:
    assert not [name for kind in ("stt", "tts") for name in registry.names(kind) if name.startswith("_")]
    with pytest.raises(ConfigError):
        registry.load("stt", "_moonshine", CONTEXT)


@pytest.mark.parametrize("name", ["lokal", "", "../local", "local.x", "os"])
def test_an_unknown_name_lists_what_is_there(name: str) -> None:
    with pytest.raises(ConfigError, match=r"There are: .*local"):
        registry.load("stt", name, CONTEXT)


def test_a_near_name_is_suggested() -> None:
    with pytest.raises(ConfigError, match=r"no vad provider is called 'silerro'; did you mean 'silero'\?"):
        registry.load("vad", "silerro", CONTEXT)


def test_a_wrong_option_is_named() -> None:
    with pytest.raises(ConfigError, match="'fenrir'"):
        registry.load("tts", "local:fenrir", CONTEXT)


def test_keys_are_not_in_the_contexts_repr() -> None:
    assert "sk-secret" not in repr(CONTEXT)


def outsider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Install a distribution with an entry point, as pip would."""
    (tmp_path / "my_stt_module.py").write_text(code)
    info = tmp_path / "my_stt-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-stt\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[offhook.providers]\nstt.mine = my_stt_module\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_stt_module", raising=False)


def test_an_outsider_is_found_by_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outsider(
        tmp_path,
        monkeypatch,
        "from offhook.ports.spec import ProviderSpec\n"
        "SPEC = ProviderSpec('stt/mine', 'stt')\n"
        "def create(context, option):\n"
        "    return option\n",
    )
    assert registry.load("stt", "mine:big", CONTEXT) == "big"
    assert registry.specs("stt")["mine"].id == "stt/mine"


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outsider(tmp_path, monkeypatch, "import no_such_sdk.speech\n")
    with pytest.raises(ConfigError, match=r"'mine' needs the package 'no_such_sdk'; install it with: pip install 'offhook\[mine\]'"):
        registry.load("stt", "mine", CONTEXT)
    assert "mine" in registry.names("stt")
    assert "mine" not in registry.specs("stt")


def test_an_unknown_dialect_or_transport_is_named() -> None:
    with pytest.raises(ConfigError, match="no dialect is called 'nowhere'"):
        registry.dialect("nowhere")
    with pytest.raises(ConfigError, match="no transport is called 'nowhere'"):
        registry.transport("nowhere")
