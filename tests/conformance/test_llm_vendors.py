from __future__ import annotations

from typing import ClassVar

from tests.conformance.llm_suite import LlmSuite


class TestOpenAi(LlmSuite):
    vendor = "openai"
    model = "openai:gpt-6-mini"


class TestGroq(LlmSuite):
    vendor = "groq"
    model = "groq:llama-3.3-70b-versatile"


class TestCerebras(LlmSuite):
    vendor = "cerebras"
    model = "cerebras:gpt-oss-120b"


class TestAzure(LlmSuite):
    vendor = "azure"
    model = "azure:gpt-4o"


class TestVllm(LlmSuite):
    vendor = "vllm"
    model = "vllm:qwen3-8b"
    keyed = False


class TestAnthropic(LlmSuite):
    vendor = "anthropic"
    model = "anthropic:claude-haiku-5"
    schema_in = "output_config"
    droppable = "thinking"


class TestAnthropicOld(TestAnthropic):
    """Who still has an endpoint of the first version."""

    droppable = "temperature"
    env: ClassVar[dict[str, str]] = {"ANTHROPIC_API_VERSION": "2023-06-01"}
