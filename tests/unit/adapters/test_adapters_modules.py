from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest

import offhook.adapters
from offhook.adapters import modules
from offhook.adapters.crm import webhook
from offhook.errors import ConfigError

HERE = Path(offhook.adapters.__file__).parent


@pytest.fixture
def outsider(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An entry point ``crm.outsider`` with an empty module."""
    module = ModuleType("an_outsiders_adapter")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    points = [EntryPoint("crm.outsider", module.__name__, modules.GROUP)]
    monkeypatch.setattr(modules, "entry_points", lambda *, group: [one for one in points if one.group == group])
    return module


def test_every_file_is_an_adapter_but_those_that_are_private() -> None:
    files = {f"{kind}/{one.stem}" for kind in modules.KINDS for one in (HERE / kind).glob("[a-z]*.py")}
    assert files == set(modules.found())
    assert "crm/webhook" in files


def test_a_module_says_who_it_is() -> None:
    found = modules.found()
    assert found["crm/webhook"] == modules.Module(webhook.MANIFEST, webhook.Webhook)
    assert all(one.manifest.id == name for name, one in found.items())
    assert list(found) == sorted(found)


def test_an_outsider_without_a_manifest_is_named(outsider: ModuleType) -> None:
    with pytest.raises(ConfigError, match=r"crm/outsider \(an_outsiders_adapter\) has no MANIFEST or no ADAPTER"):
        modules.found.__wrapped__()
    outsider.MANIFEST = webhook.MANIFEST  # type: ignore[attr-defined]
    outsider.ADAPTER = webhook.Webhook(None, None)  # type: ignore[attr-defined, arg-type]
    with pytest.raises(ConfigError, match="no ADAPTER"):
        modules.found.__wrapped__()


def test_an_outsider_under_a_false_name_is_named(outsider: ModuleType) -> None:
    outsider.MANIFEST = webhook.MANIFEST  # type: ignore[attr-defined]
    outsider.ADAPTER = webhook.Webhook  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match="calls itself crm/webhook"):
        modules.found.__wrapped__()


def test_an_outsider_does_not_replace_one_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint("crm.webhook", "an_outsiders_adapter_that_is_not_there", modules.GROUP)]
    monkeypatch.setattr(modules, "entry_points", lambda *, group: [one for one in points if one.group == group])
    assert modules.found.__wrapped__()["crm/webhook"].adapter is webhook.Webhook
