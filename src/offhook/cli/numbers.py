"""``offhook numbers``: which DIDs reach which agents, and the carrier accounts behind them."""

from __future__ import annotations

from typing import Annotated

import typer

from offhook.cli.api import Api, Cursor, IfMatch, Limit, Yes, command, confirm, said
from offhook.client.models import AccountChange, NewAccount, NewNumber, NumberChange

app = typer.Typer(help="Numbers and carrier accounts.", no_args_is_help=True)
accounts = typer.Typer(help="Accounts with carriers.", no_args_is_help=True)
app.add_typer(accounts, name="accounts")
Account = Annotated[str | None, typer.Option(help="Carrier account that the number belongs to.")]
Label = Annotated[str | None, typer.Option(help="A name for people.")]
Overflow = Annotated[str | None, typer.Option(help="Number that takes what is too much.")]
MostCalls = Annotated[int | None, typer.Option(help="Calls at once.")]


@command(app, "list")
def list_numbers(api: Api, limit: Limit = 50, cursor: Cursor = None) -> None:
    """The tenant's numbers."""
    page = api.client.numbers.list(api.tenant, limit=limit, cursor=cursor).first()
    api.rows(page, {"number": "id", "DID": "did", "agent": "agent_id", "label": "label", "enabled": "enabled", "overflow": "overflow"})


@command(app, "show")
def show_number(api: Api, number: str) -> None:
    """A number."""
    api.show(api.client.numbers.show(api.tenant, number).value)


@command(app, "add")
def add_number(
    api: Api,
    did: Annotated[str, typer.Argument(help="Such as +442079460000.")],
    agent: Annotated[str, typer.Option(help="Who answers it.")],
    account: Account = None,
    label: Label = None,
    overflow: Overflow = None,
    max_calls: MostCalls = None,
) -> None:
    """Give a number to an agent."""
    more = said(label=label, carrier_account_id=account, overflow=overflow, max_calls=max_calls)
    api.show(api.client.numbers.create(api.tenant, NewNumber(did=did, agent_id=agent, **more)))


@command(app, "change")
def change_number(
    api: Api,
    number: str,
    agent: Annotated[str | None, typer.Option(help="Who answers it.")] = None,
    account: Account = None,
    label: Label = None,
    overflow: Overflow = None,
    max_calls: MostCalls = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable", help="Whether calls to it are taken.")] = None,
    if_match: IfMatch = None,
) -> None:
    """Change what is given of a number."""
    facts = said(agent_id=agent, label=label, carrier_account_id=account, overflow=overflow, max_calls=max_calls, enabled=enabled)
    body = NumberChange(**facts)
    tag = if_match or api.client.numbers.show(api.tenant, number).etag
    api.show(api.client.numbers.change(api.tenant, number, body, if_match=tag).value)


@command(app, "remove")
def remove_number(api: Api, number: str, yes: Yes = False, if_match: IfMatch = None) -> None:
    """Let a number go: calls to it are no longer taken."""
    found, tag = api.client.numbers.show(api.tenant, number)
    confirm(f"let {found.did} go", yes)
    api.client.numbers.delete(api.tenant, number, if_match=if_match or tag)
    api.done(f"{found.did} is let go")


@command(app, "lines")
def show_lines(api: Api) -> None:
    """How many calls there are now and may be, and those not taken today."""
    found = api.client.numbers.show_lines(api.tenant)
    if api.as_json:
        return api.json(found)
    api.done(f"{found.calls} of {found.max_calls} calls")
    return api.table(
        found.numbers, {"number": "number_id", "DID": "did", "calls": "calls", "at most": "max_calls", "refused today": "refused"}
    )


@command(accounts, "list")
def list_accounts(api: Api, limit: Limit = 50, cursor: Cursor = None) -> None:
    """The tenant's accounts with carriers, without their secrets."""
    page = api.client.numbers.list_carrier_accounts(api.tenant, limit=limit, cursor=cursor).first()
    api.rows(page, {"account": "id", "carrier": "kind", "label": "label", "SID": "account_sid", "webhook": "voice_url"})


@command(accounts, "add")
def add_account(
    api: Api,
    sid: Annotated[str, typer.Argument(help="The account's SID at the carrier.")],
    secret: Annotated[str, typer.Option(prompt="Auth token", hide_input=True, help="Better typed than given here.")],
    label: Label = None,
) -> None:
    """Keep a Twilio account: its auth token proves that calls come from there."""
    body = NewAccount(account_sid=sid, auth_token=secret, **said(label=label))
    api.show(api.client.numbers.create_carrier_account(api.tenant, body))


@command(accounts, "change")
def change_account(
    api: Api,
    account: str,
    label: Label = None,
    secret: Annotated[bool, typer.Option("--new-secret", help="Ask for a new auth token.")] = False,
) -> None:
    """Change an account's name for people, or its auth token."""
    typed = typer.prompt("Auth token", hide_input=True) if secret else None
    tag = api.client.numbers.show_carrier_account(api.tenant, account).etag
    body = AccountChange(**said(label=label, auth_token=typed))
    api.show(api.client.numbers.change_carrier_account(api.tenant, account, body, if_match=tag).value)


@command(accounts, "test")
def test_account(api: Api, account: str) -> None:
    """Whether the account could be used, as far as can be told without asking the carrier."""
    found = api.client.numbers.test_carrier_account(api.tenant, account)
    api.show(found)
    if not found.ok:
        raise typer.Exit(1)


@command(accounts, "remove")
def remove_account(api: Api, account: str, yes: Yes = False) -> None:
    """Drop an account with its secrets, once no number belongs to it."""
    found, tag = api.client.numbers.show_carrier_account(api.tenant, account)
    confirm(f"drop the account {found.label or found.account_sid}", yes)
    api.client.numbers.delete_carrier_account(api.tenant, account, if_match=tag)
    api.done(f"{account} is dropped")
