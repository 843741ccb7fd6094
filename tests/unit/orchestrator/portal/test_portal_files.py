"""What is vendored is what was fetched; style sheets name files by their hashes; every icon that a page shows is in the sprite."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from offhook.orchestrator.portal import outcomes
from offhook.orchestrator.portal.assets import FOLDER, Assets, takes_gzip
from offhook.orchestrator.portal.render import TEMPLATES

ROOT = Path(__file__).resolve().parents[4]


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("offhook_vendor_assets", ROOT / "scripts" / "vendor_assets.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_vendored_files_are_those_of_the_manifest_with_their_licences() -> None:
    vendor = script()
    entries = json.loads(vendor.MANIFEST.read_text(encoding="utf-8"))
    assert vendor.faults(entries) == []
    for one in entries:
        assert any("LICENSE" in file["path"] for file in one["files"]), one["package"]
    entries[0]["files"][0]["sha256"] = "0" * 64
    assert vendor.faults(entries) == [f"{entries[0]['files'][0]['path']} is not what was fetched"]
    entries[1]["files"].pop()
    assert any("is in no manifest" in one for one in vendor.faults(entries))
    assert any("different packages" in one for one in vendor.faults(entries[1:]))


def test_a_style_sheet_names_files_by_their_hashes(tmp_path: Path) -> None:
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor" / "a.woff2").write_bytes(b"font")
    (tmp_path / "app.css").write_text('@font-face { src: url("vendor/a.woff2") }')
    first = Assets(tmp_path)
    found = first.get("app.css")
    assert found is not None
    assert f'url("{first.href("vendor/a.woff2")}")' in found.body.decode()
    (tmp_path / "vendor" / "a.woff2").write_bytes(b"another")
    assert Assets(tmp_path).href("app.css") != first.href("app.css")


def test_only_files_of_known_kinds_are_served() -> None:
    assets = Assets()
    assert assets.get("vendor/manifest.json") is None
    assert assets.get("../render.py") is None


@pytest.mark.parametrize(
    ("header", "takes"), [("gzip, br", True), ("GZIP;q=0.5", True), ("gzip;q=0", False), ("gzip; q=0.0", False), ("br", False), ("", False)]
)
def test_gzip_is_sent_to_who_takes_it(header: str, takes: bool) -> None:
    assert takes_gzip(header) is takes


def test_every_icon_is_in_the_sprite() -> None:
    sprite = set(re.findall(r'<symbol id="([\w-]+)"', (FOLDER / "vendor" / "icons.svg").read_text(encoding="utf-8")))
    shown = {one.icon for one in (*outcomes.ALL, outcomes.LIVE, outcomes.RINGING, *outcomes._OF_CODE.values())}
    for path in TEMPLATES.rglob("*.html"):
        shown |= set(re.findall(r'\bicon\("([\w-]+)"', path.read_text(encoding="utf-8")))
    assert shown <= sprite
    assert sprite == set(script().ICONS)
