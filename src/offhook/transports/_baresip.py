"""The library of the SIP stack, which is there for some machines only."""

from __future__ import annotations

from typing import Any

from offhook.errors import ConfigError


def library() -> Any:  # noqa: ANN401 - a module
    """It, imported at its first use. Raises ConfigError."""
    try:
        import baresip
    except ImportError as error:
        raise ConfigError("SIP needs baresip-python, which there is for Linux on x86-64 only: unset OFFHOOK_ENGINE_SIP_LISTEN") from error
    return baresip
