"""A double of an Azure OpenAI resource: paths by deployment, its own header for the key. Options are those of ``_brain``.

Source: the SDK openai 3.54 (AzureOpenAI), Azure OpenAI reference.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Final

from offhook.testing.vendors._chat import House, plain_end
from offhook.testing.vendors._chat import serve as _serve
from offhook.testing.vendors.openai import HOUSE
from offhook.testing.vendors.server import Peer

VENDOR: Final = "azure"
PREFIX: Final = "/azure"
KEY: Final = "azure-of-the-double"


async def serve(peer: Peer) -> None:
    """One request; the version of the API is asked for, and whatever the deployment is called, its model is a gpt-4o."""
    if "/deployments/" in peer.path and not re.fullmatch(r"\d{4}-\d\d-\d\d(-preview)?", peer.param("api-version")):
        await peer.answer(404, json.dumps({"error": {"code": "404", "message": "Resource not found"}}))
        return
    path = peer.path if re.fullmatch(r"/openai/(deployments/[\w.-]+|v1)/chat/completions", peer.path) else "/chat/completions"
    house: House = replace(
        HOUSE, path=path, models="", efforts=lambda _: None, key_header="api-key", others=("/openai/models", "/openai/v1/models")
    )
    await _serve(peer, house, KEY, plain_end)
