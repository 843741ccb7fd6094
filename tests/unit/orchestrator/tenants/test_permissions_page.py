"""The page of permissions says what the code says, of every permission."""

from __future__ import annotations

from scripts.permissions import MEANS, PAGE, page

from offhook.orchestrator.auth.permissions import EVERYTHING, ROLES


def test_the_page_is_made_from_the_code() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run scripts/permissions.py"


def test_every_permission_has_a_meaning_and_a_row() -> None:
    assert MEANS.keys() == EVERYTHING
    rows = {line.split(" | ")[0].strip("| `"): line for line in page().splitlines() if line.startswith("| `")}
    assert rows.keys() == EVERYTHING
    for permission, row in rows.items():
        cells = [cell.strip() for cell in row.strip("|").split("|")][2:]
        assert cells == ["yes" if permission in has else "" for has in ROLES.values()], permission
