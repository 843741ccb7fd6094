"""The example of docs/howto/add-a-crm.md: it passes the suite, and is found once it is installed, with nothing of ours edited."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from examples.my_crm.tests.test_my_crm import TestMyCrm as TestMyCrm
from my_crm import adapter

from offhook.adapters import modules

pytestmark = pytest.mark.paperwork
ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "my_crm"


def test_an_installed_package_brings_its_adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "source", ignore=shutil.ignore_patterns("__pycache__"))
    ours = set(modules.found())
    assert "crm/my_crm" not in ours
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    subprocess.run([*pip, "--target", str(tmp_path / "site"), str(tmp_path / "source")], check=True, capture_output=True)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    found = modules.found.__wrapped__()
    assert found["crm/my_crm"] == modules.Module(adapter.MANIFEST, adapter.MyCrm)
    assert set(found) - {"crm/my_crm"} == ours


def test_the_howto_shows_what_the_example_is() -> None:
    howto = (ROOT / "docs" / "howto" / "add-a-crm.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```(?:python|toml)\n# (examples/my_crm/\S+)\n(.*?)```", howto, flags=re.DOTALL)
    assert {one for one, _ in blocks} == {
        "examples/my_crm/my_crm/adapter.py",
        "examples/my_crm/tests/test_my_crm.py",
        "examples/my_crm/pyproject.toml",
    }
    for name, text in blocks:
        whole = (ROOT / name).read_text(encoding="utf-8")
        for piece in text.split("# …\n"):
            assert piece.strip("\n") in whole, f"{name} has no such lines:\n{piece}"


def test_the_test_of_an_adapter_is_short() -> None:
    assert len((EXAMPLE / "tests" / "test_my_crm.py").read_text(encoding="utf-8").splitlines()) <= 30


def test_nothing_in_the_business_knows_an_adapter_by_name() -> None:
    """Adding one edits no list: no code of the orchestrator has the id of one that is not built in, but the examples of its events."""
    ids = {one for one in modules.found() if not one.endswith("/builtin")}
    business = ROOT / "src" / "offhook" / "orchestrator"
    for path in set(business.rglob("*.py")) - {business / "hooks" / "catalogue.py"}:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.Constant) and node.value in ids), f"{path.relative_to(ROOT)}:{node.lineno} names {node.value}"
