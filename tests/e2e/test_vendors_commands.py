"""``offhook vendors``: accounts with vendors from a terminal, for a tenant and for a reseller."""

from __future__ import annotations

from tests.e2e.test_cli_commands import Terminal, terminal

__all__ = ["terminal"]
KEY, OTHER = "a-key-of-deepgrams-1111", "a-key-of-deepgrams-2222"


async def test_accounts_with_vendors(terminal: Terminal) -> None:
    for where in ((), ("--reseller", "direct")):
        shown = await terminal.do("vendors", "put", "deepgram", "--region", "eu", *where, typed=f"{KEY}\n")
        assert "1111" in shown
        assert KEY not in shown
        moved = await terminal.do("vendors", "put", "deepgram", "--key", OTHER, "--base-url", "https://gateway.example.com", *where)
        assert "gateway.example.com" in moved
        listed = await terminal.do("vendors", "list", *where)
        assert "...2222" in listed
        assert (await terminal.json("vendors", "show", "deepgram", *where))["region"] is None
        await terminal.do("vendors", "rotate", "deepgram", *where, typed=f"{KEY}\n")
        assert (await terminal.json("vendors", "show", "deepgram", *where))["api_key"]["last4"] == "1111"
        await terminal.do("vendors", "put", "vllm", "--key", "", "--base-url", "https://gpu.example.com/v1", *where)
        assert [one["vendor"] for one in (await terminal.json("vendors", "list", *where))["data"]] == ["deepgram", "vllm"]
        assert "dropped" in await terminal.do("vendors", "remove", "deepgram", "--yes", *where)
        assert "no account with this vendor" in await terminal.fails("vendors", "show", "deepgram", *where)
        wrong = await terminal.fails("vendors", "put", "deepgram", "--key", KEY, "--region", "moon", *where)
        assert "eu" in wrong
        assert KEY not in wrong
        short = await terminal.fails("vendors", "put", "deepgram", "--key", "too-short", *where)
        assert "too-short" not in short
