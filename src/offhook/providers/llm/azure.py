"""OpenAI models in an Azure resource: ``azure:DEPLOYMENT``, at ``AZURE_BASE_URL``.

The paths by deployment want a version, ``AZURE_API_VERSION``; a base that ends with ``/openai/v1`` speaks plain OpenAI without one.
Azure does not tell a deployment's model: what it refuses is left out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from urllib.parse import quote

from offhook.providers.llm._chat import Dialect
from offhook.providers.llm._chat import create as _create
from offhook.providers.llm._stream import StreamedLlm
from offhook.providers.llm.openai import FAMILIES
from offhook.registry import ProviderContext

VERSION: Final = "2025-04-01-preview"
PLAIN: Final = Dialect(
    vendor="azure",
    base="",
    key_header="api-key",
    always={"stream_options": ({"include_usage": True},)},
    families=FAMILIES,
    example="https://NAME.openai.azure.com",
    help="an Azure OpenAI resource",
)
DIALECT: Final = replace(PLAIN, prefix="/openai", path="/deployments/{model}/chat/completions")
SPEC: Final = DIALECT.spec()


def create(context: ProviderContext, option: str) -> StreamedLlm:
    """The deployment that the option names."""
    if context.env.get("AZURE_BASE_URL", "").strip().rstrip("/").endswith("/openai/v1"):
        return _create(PLAIN, context, option)
    version = context.env.get("AZURE_API_VERSION", "").strip() or VERSION
    return _create(replace(DIALECT, query=f"?api-version={quote(version)}"), context, option)
