"""Calls as lists show them: one order, indexes for every filter, words to find them by; what was deleted; recordings."""

from alembic import op

from offhook.orchestrator.migrations.tenancy import tenant_table

revision = "0008"
down_revision = "0007"

SCHEMA = """
ALTER TABLE call ADD COLUMN test BOOLEAN DEFAULT 'false' NOT NULL;
ALTER TABLE call ADD COLUMN agent_version INTEGER;
ALTER TABLE call ADD COLUMN engine_url TEXT DEFAULT '' NOT NULL;
ALTER TABLE call ADD COLUMN summary TEXT DEFAULT '' NOT NULL;
ALTER TABLE call ADD COLUMN recorded BOOLEAN DEFAULT 'false' NOT NULL;
ALTER TABLE call ADD COLUMN kept BOOLEAN DEFAULT 'true' NOT NULL;
ALTER TABLE call ADD COLUMN at TIMESTAMP WITH TIME ZONE GENERATED ALWAYS AS (coalesce(started_at, planned_at)) STORED NOT NULL;

DROP INDEX ix_call_tenant_id_planned_at;
DROP INDEX ix_call_carrier_call;
CREATE INDEX ix_call_list ON call (tenant_id, test, at, id);
CREATE INDEX ix_call_agent ON call (tenant_id, agent_id, at, id);
CREATE INDEX ix_call_did ON call (tenant_id, did, at, id);
CREATE INDEX ix_call_caller ON call (tenant_id, caller, at, id);
CREATE INDEX ix_call_outcome ON call (tenant_id, outcome, at, id) WHERE outcome IS NOT NULL;
CREATE INDEX ix_call_open ON call (tenant_id, state, at, id) WHERE state <> 'ended';
CREATE INDEX ix_call_kept ON call (tenant_id, agent_id, at) WHERE kept;
CREATE INDEX ix_call_carrier_call ON call (tenant_id, carrier_call) WHERE carrier_call <> '';

CREATE TABLE call_word (
    tenant_id TEXT NOT NULL,
    word TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    call_id TEXT NOT NULL,
    CONSTRAINT pk_call_word PRIMARY KEY (tenant_id, word, at, call_id),
    CONSTRAINT fk_call_word_tenant_id_call_id FOREIGN KEY(tenant_id, call_id) REFERENCES call (tenant_id, id)
);
CREATE INDEX ix_call_word_tenant_id_call_id ON call_word (tenant_id, call_id);

CREATE TABLE deleted_call (
    tenant_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_deleted_call PRIMARY KEY (tenant_id, call_id),
    CONSTRAINT fk_deleted_call_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);

CREATE TABLE recording (
    tenant_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('recording', 'trace')),
    size BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    recovered BOOLEAN DEFAULT 'false' NOT NULL,
    stored_at TIMESTAMP WITH TIME ZONE NOT NULL,
    examined_at TIMESTAMP WITH TIME ZONE,
    seconds DOUBLE PRECISION,
    sample_rate INTEGER,
    channels INTEGER,
    peaks BYTEA,
    CONSTRAINT pk_recording PRIMARY KEY (tenant_id, call_id, kind),
    CONSTRAINT fk_recording_tenant_id_call_id FOREIGN KEY(tenant_id, call_id) REFERENCES call (tenant_id, id)
);

CREATE INDEX ix_tool_run_tenant_id_call_id ON tool_run (tenant_id, call_id);
CREATE INDEX ix_appointment_tenant_id_call_id ON appointment (tenant_id, call_id);
CREATE INDEX ix_message_tenant_id_call_id ON message (tenant_id, call_id);
"""

KNOWN = """
UPDATE call SET summary = call_result.result->>'summary' FROM call_result
    WHERE call_result.tenant_id = call.tenant_id AND call_result.call_id = call.id AND call_result.result->>'summary' IS NOT NULL;
INSERT INTO call_word (tenant_id, word, at, call_id)
    SELECT DISTINCT tenant_id, word, at, id
    FROM call, regexp_split_to_table(lower(caller || ' ' || summary), '[^[:alnum:]]+') AS word WHERE length(word) BETWEEN 2 AND 40;
"""
FORCED = ("call", "call_result")


def upgrade() -> None:
    """Make it."""
    run = op.get_bind().exec_driver_sql
    # The owner of the tables is bound by row-level security too: it may not change a row while that is forced.
    for table in FORCED:
        run(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    run(SCHEMA)
    run(KNOWN)
    for table in FORCED:
        run(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    for table in ("call_word", "deleted_call", "recording"):
        tenant_table(run, table)


def downgrade() -> None:
    """Undo it."""
    raise NotImplementedError("0008 cannot be undone: restore the backup that was made before it")
