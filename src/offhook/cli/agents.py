"""``offhook agents``: who answers for a tenant: drafts, versions, tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from offhook.cli import agent_talk
from offhook.cli.agent_file import AgentFile, written
from offhook.cli.api import Api, Cursor, Limit, Yes, command, confirm, said
from offhook.client.errors import Invalid, PreconditionFailed
from offhook.client.models import AgentView, CheckBody, CheckView, DraftView, Duplicate, NewAgent, NewVoiceTest, Publish, ScriptBody
from offhook.errors import ConfigError

app = typer.Typer(help="Agents: make, edit, check, test, publish.", no_args_is_help=True)
AgentId = Annotated[str, typer.Argument(metavar="AGENT", help="Its id.")]
Note = Annotated[str | None, typer.Option(help="Why; for people.")]
Unfinished = Annotated[bool, typer.Option("--unfinished", help="Keep it although it could not be published yet.")]
_CHANGED = "the agent was changed or published since: pull it again"
COLUMNS = {
    "agent": "id",
    "name": "name",
    "live": "live",
    "unpublished changes": "changed",
    "changed": "updated_at",
    "archived": "archived_at",
}


# -- which there are ----------------------------------------------------------------------------------------------------------


@command(app, "list")
def list_agents(
    api: Api,
    archived: Annotated[bool, typer.Option("--archived", help="Those out of use too.")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> None:
    """The tenant's agents."""
    api.rows(api.client.agents.list(api.tenant, archived=archived or None, limit=limit, cursor=cursor).first(), COLUMNS)


@command(app, "templates")
def list_templates(api: Api) -> None:
    """Examples to begin with."""
    found = api.client.agents.list_templates()
    if api.as_json:
        return api.json(found)
    return api.table(found, {"template": "id", "title": "title", "for": "use"})


@command(app, "presets")
def list_presets(api: Api) -> None:
    """Ways of taking turns, by use."""
    found = api.client.agents.list_turn_presets()
    if api.as_json:
        return api.json(found)
    return api.table(found.presets, {"preset": "name", "title": "title", "for": "use", "why": "why"})


@command(app, "create")
def create_agent(
    api: Api,
    template: Annotated[str | None, typer.Option(help="An example to begin with; see `templates`.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="A file as `pull` writes it.")] = None,
    name: Annotated[str | None, typer.Option(help="What it is called.")] = None,
    unfinished: Unfinished = False,
) -> None:
    """Make an agent from a template or a file. Nobody hears it before it is published."""
    if (template is None) == (file is None):
        raise ConfigError("say from what: --template NAME or --file FILE")
    if file is None:
        return api.show(api.client.agents.create(api.tenant, NewAgent(template=template, **said(name=name))))
    document = AgentFile.read(file)
    body = NewAgent(config=document.config(), unfinished=unfinished, **said(name=name))
    try:
        made = api.client.agents.create(api.tenant, body)
    except Invalid as error:
        _refused(document, error)
    if document.script is not None:  # with its comments
        tag = api.client.agents.show_draft(api.tenant, made.id).etag
        api.client.agents.replace_draft_script(api.tenant, made.id, ScriptBody(text=document.script), if_match=tag, unfinished=unfinished)
    return api.show(made)


@command(app, "show")
def show_agent(api: Api, agent: AgentId) -> None:
    """An agent."""
    api.show(_view(api, agent))


def _view(api: Api, agent: str) -> AgentView:
    return api.client.agents.show(api.tenant, agent)


@command(app, "duplicate")
def duplicate_agent(api: Api, agent: AgentId, name: Annotated[str | None, typer.Option(help="What it is called.")] = None) -> None:
    """Make a new agent with the draft of another."""
    api.show(api.client.agents.duplicate(api.tenant, agent, Duplicate(**said(name=name))))


@command(app, "archive")
def archive_agent(api: Api, agent: AgentId, yes: Yes = False) -> None:
    """Take an agent out of use, once no number reaches it."""
    draft = api.client.agents.show_draft(api.tenant, agent)
    confirm(f"take {draft.value.config.name} out of use", yes)
    api.show(api.client.agents.archive(api.tenant, agent, if_match=draft.etag).value)


@command(app, "unarchive")
def unarchive_agent(api: Api, agent: AgentId) -> None:
    """Bring an agent back into use."""
    api.show(api.client.agents.unarchive(api.tenant, agent, if_match=api.client.agents.show_draft(api.tenant, agent).etag).value)


# -- its draft ----------------------------------------------------------------------------------------------------------------


@command(app, "pull")
def pull_draft(
    api: Api, agent: AgentId, out: Annotated[Path | None, typer.Option("--out", "-o", help="A file; AGENT.yaml without it.")] = None
) -> None:
    """Write an agent's draft into a file, to be edited and pushed."""
    draft = api.client.agents.show_draft(api.tenant, agent)
    script = api.client.agents.show_draft_script(api.tenant, agent)
    if script.etag != draft.etag:
        raise ConfigError("somebody is changing the draft just now: pull again")
    path = out or Path(f"{agent}.yaml")
    try:
        path.write_text(written(agent, draft.etag, draft.value.config, script.value.text), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
    if api.as_json:
        return api.json({"file": str(path), "revision": draft.value.revision})
    return api.done(f"revision {draft.value.revision} of {draft.value.config.name} is in {path}")


@command(app, "push")
def push_draft(
    api: Api,
    file: Annotated[Path, typer.Argument(help="A file as `pull` writes it.")],
    agent: Annotated[str | None, typer.Option(help="Whose draft; without it, whose the file's first line says.")] = None,
    unfinished: Unfinished = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what others have changed since.")] = False,
) -> None:
    """Put a file in the place of an agent's draft. Every fault is printed with its line."""
    document = AgentFile.read(file)
    which = agent or document.agent
    if not which:
        raise ConfigError(f"{file} does not say whose draft it is: name the agent with --agent")
    config = document.config()
    agents = api.client.agents
    tag = document.etag if which == document.agent and not force else agents.show_draft(api.tenant, which).etag
    checked = agents.check(api.tenant, CheckBody(config=document.document, **said(text=document.script)))
    if checked.faults and not unfinished:
        _told(document, checked)
        raise typer.Exit(1)
    try:
        draft = agents.replace_draft(api.tenant, which, config, if_match=tag, unfinished=unfinished)
        last = draft.etag
        if document.script is not None and agents.show_draft_script(api.tenant, which).value.text != document.script:
            last = agents.replace_draft_script(
                api.tenant, which, ScriptBody(text=document.script), if_match=last, unfinished=unfinished
            ).etag
    except Invalid as error:
        _refused(document, error)
    except PreconditionFailed as error:
        raise ConfigError(f"{_CHANGED}, or overwrite that with --force") from error
    document.tag(which, last)
    if api.as_json:
        return api.json(_draft(api, which))
    _told(document, checked)
    return api.done(f"{which} has a new draft" + ("" if draft.value.changed else ": the same as what is live"))


def _draft(api: Api, agent: str) -> DraftView:
    return api.client.agents.show_draft(api.tenant, agent).value


@command(app, "check")
def check_agent(
    api: Api,
    what: Annotated[str, typer.Argument(metavar="FILE|AGENT", help="A file as `pull` writes it, or an agent, whose draft is checked.")],
) -> None:
    """Say everything that is wrong; nothing is stored."""
    if not Path(what).is_file():
        found = _draft(api, what).check
        if api.as_json:
            api.json(found)
        else:
            for fault, kind in [(one, "") for one in found.faults] + [(one, "warning: ") for one in found.warnings]:
                where = fault.path if fault.line is None else f"{fault.path} (line {fault.line} of the script)"
                typer.echo(f"{kind}{where}: {fault.message}", err=True)
    else:
        document = AgentFile.read(Path(what))
        document.config()
        found = api.client.agents.check(api.tenant, CheckBody(config=document.document, **said(text=document.script)))
        if api.as_json:
            api.json(found)
        else:
            _told(document, found)
    if not found.ok:
        raise typer.Exit(1)
    api.done("no faults")


def _told(document: AgentFile, found: CheckView) -> None:
    for line in document.told(found.faults):
        typer.echo(line, err=True)
    for line in document.told(found.warnings):
        place, _, rest = line.partition(": ")
        typer.echo(f"{place}: warning: {rest}", err=True)


def _refused(document: AgentFile, error: Invalid) -> NoReturn:
    typer.echo(error.public, err=True)
    for line in document.told(error.faults):
        typer.echo(line, err=True)
    raise typer.Exit(1) from error


# -- its versions -------------------------------------------------------------------------------------------------------------


@command(app, "publish")
def publish_agent(
    api: Api,
    what: Annotated[str, typer.Argument(metavar="AGENT|FILE", help="An agent, or a file whose draft was pushed and must still be that.")],
    note: Note = None,
) -> None:
    """Make a version of the draft; it takes the calls from now on."""
    document = AgentFile.read(Path(what)) if Path(what).is_file() else None
    agent = what if document is None else document.agent
    if not agent:
        raise ConfigError(f"{what} does not say whose draft it is: name the agent itself")
    tag = api.client.agents.show_draft(api.tenant, agent).etag if document is None else document.etag
    try:
        made, after = api.client.agents.publish(api.tenant, agent, Publish(**said(note=note)), if_match=tag)
    except PreconditionFailed as error:
        raise ConfigError(_CHANGED) from error
    if document is not None:
        document.tag(agent, after)
    if api.as_json:
        return api.json(made)
    return api.done(f"version {made.number} of {made.config.name} takes the calls")


@command(app, "versions")
def list_versions(api: Api, agent: AgentId, limit: Limit = 50, cursor: Cursor = None) -> None:
    """An agent's versions, the newest first."""
    page = api.client.agents.list_versions(api.tenant, agent, limit=limit, cursor=cursor).first()
    columns = {
        "version": "number",
        "published": "published_at",
        "by": "published_name",
        "note": "note",
        "of": "restored_from",
        "live": "live",
    }
    api.rows(page, columns)


@command(app, "diff")
def diff_versions(
    api: Api,
    agent: AgentId,
    before: Annotated[str, typer.Argument(help="A version's number, live or draft.")] = "live",
    after: Annotated[str, typer.Argument(help="A version's number, live or draft.")] = "draft",
) -> None:
    """What differs between two versions, or what is live and the draft."""
    found = api.client.agents.diff_versions(api.tenant, agent, before=before, after=after)
    if api.as_json:
        return api.json(found)
    for one in found.changes:
        if one.path.startswith("script") and found.script:
            continue
        was, now = json.dumps(one.before, ensure_ascii=False), json.dumps(one.after, ensure_ascii=False)
        typer.echo({"added": f"+ {one.path}: {now}", "removed": f"- {one.path}: {was}"}.get(one.kind, f"~ {one.path}: {was} -> {now}"))
    typer.echo(found.script or ("no differences" if not found.changes else ""), nl=bool(found.script or not found.changes))
    return None


@command(app, "rollback")
def roll_back(
    api: Api, agent: AgentId, version: Annotated[int, typer.Argument(help="Its number.")], note: Note = None, yes: Yes = False
) -> None:
    """Publish an old version once more, as a new one."""
    confirm(f"let {agent} answer as version {version} did", yes)
    tag = api.client.agents.show_draft(api.tenant, agent).etag
    made = api.client.agents.restore_version(api.tenant, agent, version, Publish(**said(note=note)), if_match=tag).value
    if api.as_json:
        return api.json(made)
    return api.done(f"version {made.number}, which is version {version} again, takes the calls")


# -- trying it ------------------------------------------------------------------------------------------------------------------


@command(app, "test")
def try_agent(
    api: Api,
    agent: AgentId,
    turns: Annotated[
        Path | None, typer.Option("--file", help="A conversation to play: a list of turns, or tests as of `script test`.")
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", help="Try this file instead, of which nothing is stored.")] = None,
    version: Annotated[int | None, typer.Option(help="A version, instead of the draft.")] = None,
    caller: Annotated[str, typer.Option(help="The number that calls.")] = "",
    rules: Annotated[bool, typer.Option("--rules", help="Have the rules alone answer, and ask no language model.")] = False,
) -> None:
    """Talk to an agent by typing, or play a conversation of a file. Nothing is booked, nobody is told; its language models are asked."""
    if config is not None and version is not None:
        raise ConfigError("either --config or --version")
    base = agent_talk.Base(
        agent,
        {
            **said(version=version, config=None if config is None else AgentFile.read(config).config(), rules_only=rules or None),
            "caller": caller,
        },
    )
    if turns is not None:
        agent_talk.play(api, base, turns)
    else:
        agent_talk.chat(api, base)


@command(app, "call")
def start_voice_test(
    api: Api, agent: AgentId, version: Annotated[int | None, typer.Option(help="A version, instead of the draft.")] = None
) -> None:
    """Get a one-time address where the agent can be talked to by voice. Nothing is booked, nobody is told."""
    found = api.client.agents.start_voice_test(api.tenant, agent, NewVoiceTest(**said(version=version)))
    if api.as_json:
        return api.json(found)
    api.done(f"until {found.expires_at:%H:%M} UTC, once:")
    return typer.echo(found.page)
