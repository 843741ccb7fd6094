"""An engine with scripted speech in a process of its own, to be killed: its arguments are ports, and a folder."""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn
from tests.telephony.trunk_calls import engine_app


def main(orchestrator: int, port: int, sip: int, folder: Path) -> None:
    app = engine_app(folder, orchestrator, port, sip_listen=f"127.0.0.1:{sip}")
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", lifespan="on")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
