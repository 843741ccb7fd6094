"""Agents have a draft and versions. What an agent was becomes its version 1."""

import hashlib
import json
from typing import Any

from alembic import op

from offhook.orchestrator.migrations.tenancy import tenant_table

revision = "0005"
down_revision = "0004"

SCHEMA = """
ALTER TABLE agent ADD COLUMN draft JSON;
ALTER TABLE agent ADD COLUMN draft_text TEXT;
ALTER TABLE agent ADD COLUMN draft_sha TEXT;
ALTER TABLE agent ADD COLUMN revision INTEGER DEFAULT '1' NOT NULL;
ALTER TABLE agent ADD COLUMN live INTEGER;
ALTER TABLE agent ADD COLUMN live_sha TEXT;
ALTER TABLE agent ADD COLUMN latest INTEGER DEFAULT '0' NOT NULL;
ALTER TABLE agent ADD COLUMN archived_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE agent ADD COLUMN created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL;
ALTER TABLE agent ADD COLUMN updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL;
ALTER TABLE agent ALTER COLUMN created_at DROP DEFAULT;
ALTER TABLE agent ALTER COLUMN updated_at DROP DEFAULT;
CREATE INDEX ix_agent_tenant_id_created_at_id ON agent (tenant_id, created_at, id);

CREATE TABLE agent_version (
    tenant_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    config JSON NOT NULL,
    script_text TEXT,
    sha TEXT NOT NULL,
    note TEXT DEFAULT '' NOT NULL,
    restored_from INTEGER,
    published_kind TEXT NOT NULL,
    published_by TEXT NOT NULL,
    published_name TEXT NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_agent_version PRIMARY KEY (tenant_id, agent_id, number),
    CONSTRAINT fk_agent_version_tenant_id_agent_id FOREIGN KEY(tenant_id, agent_id) REFERENCES agent (tenant_id, id)
);
"""
OLD = ("version", "script", "voice", "turn", "lines", "hours", "knowledge", "transfer_to", "tools")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LIMITS = ("max_call_ms", "max_turn_ms", "idle_ms", "idle_prompts", "tool_ms")
VALUES = ("confirm_ms", "confirm_words", "resume_ms", "stalled_ms")
ENDPOINTING = ("sure_ms", "probable_ms", "likely_ms", "unsure_ms", "incomplete_ms", "utterance_end_ms")
SCORES = ("sure", "probable", "likely", "unsure", "eager")


def upgrade() -> None:
    """Make it, and carry the agents over."""
    run = op.get_bind().exec_driver_sql
    # The owner of the tables is bound by row-level security too: it may not read or change a row while that is forced.
    run("ALTER TABLE agent NO FORCE ROW LEVEL SECURITY")
    run(SCHEMA)
    fields = ("tenant_id", "id", "name", *OLD)
    for row in run(f"SELECT {', '.join(fields)} FROM agent").all():  # noqa: S608 - names of columns, from above
        old = dict(zip(fields, row, strict=True))
        text = json.dumps(carried(old), ensure_ascii=False, separators=(",", ":"))
        sha = hashlib.sha256(text.encode()).hexdigest()
        here = (old["tenant_id"], old["id"])
        update = "UPDATE agent SET draft = %s, draft_sha = %s, live = 1, live_sha = %s, latest = 1 WHERE tenant_id = %s AND id = %s"
        run(update, (text, sha, sha, *here))
        columns = "tenant_id, agent_id, number, config, sha, published_kind, published_by, published_name, published_at"
        insert = f"INSERT INTO agent_version ({columns}) VALUES (%s, %s, 1, %s, %s, 'document', 'migration', '', now())"  # noqa: S608
        run(insert, (*here, text, sha))
    for column in OLD:
        run(f"ALTER TABLE agent DROP COLUMN {column}")
    run("ALTER TABLE agent ALTER COLUMN draft SET NOT NULL")
    run("ALTER TABLE agent ALTER COLUMN draft_sha SET NOT NULL")
    run("ALTER TABLE agent FORCE ROW LEVEL SECURITY")
    tenant_table(run, "agent_version", rights="select, insert")


def carried(old: dict[str, Any]) -> dict[str, Any]:
    """An agent's configuration as it is from this revision on."""
    turn = old["turn"]
    week: dict[str, list[dict[str, str]]] = {day: [] for day in DAYS}
    for entry in old["hours"]:
        week[DAYS[entry["weekday"]]].append({"opens": entry["opens"], "closes": entry["closes"]})
    asked = {state.get("transfer") for state in old["script"].get("states", {}).values()} - {None}
    numbers = {name: old["transfer_to"].get(name) for name in sorted(asked | set(old["transfer_to"]))}
    return {
        "name": old["name"],
        "script": old["script"],
        "locale": None,
        "timezone": None,
        "voice": old["voice"],
        "providers": {"stt": ["local"], "tts": ["local"], "llm": [], "vad": "silero", "endpoint": "smart_turn"},
        "turn": {
            "preset": "receptionist",
            "endpointing": {name: turn.get("endpointing", {}).get(name) for name in (*ENDPOINTING, *SCORES)},
            **{name: turn.get(name) for name in VALUES},
        },
        "limits": {name: turn.get(name) for name in LIMITS},
        "lines": old["lines"],
        "greeting": "",
        "recording": {"record": True, "disclosure": "", "keep_days": 90},
        "hours": week,
        "holidays": [],
        "out_of_hours": {"do": "answer", "entry": None, "line": "", "target": None},
        "transfer": {name: {"number": number, "hours": None, "order": None} for name, number in numbers.items()},
        "knowledge": old["knowledge"],
        "tools": old["tools"],
    }


def downgrade() -> None:
    """There is no way back: an agent had one version only."""
    raise NotImplementedError("0005 cannot be undone: restore the backup that was made before it")
