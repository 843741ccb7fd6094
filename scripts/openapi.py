"""Write the OpenAPI documents under docs/reference/openapi, or with ``--check`` fail where they are out of date."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from offhook.orchestrator.app import create_app
from offhook.orchestrator.settings import OrchestratorSettings

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference" / "openapi"


def orchestrator() -> dict[str, Any]:
    """The orchestrator's document."""
    settings = OrchestratorSettings(secret="not a secret: only the routes are looked at", database_url="postgresql://nowhere/none")  # noqa: S106
    return create_app(settings).openapi()


def main() -> int:
    path = FOLDER / "orchestrator.json"
    text = json.dumps(orchestrator(), indent=2) + "\n"
    if "--check" in sys.argv:
        current = path.read_text(encoding="utf-8") if path.exists() else ""
        if current != text:
            print(f"{path} is out of date: run scripts/openapi.py")
            return 1
        return 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
