"""The paperwork of calls: runs by system, steps and what came of them, and who callers are there."""

from alembic import op

from offhook.orchestrator.migrations.tenancy import platform_reads, tenant_table

revision = "0020"
down_revision = "0019"

SCHEMA = """
CREATE TABLE paperwork_run (
    tenant_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    adapter TEXT DEFAULT '' NOT NULL,
    title TEXT DEFAULT '' NOT NULL,
    person TEXT DEFAULT '' NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'held', 'done', 'failed', 'skipped')),
    reason TEXT DEFAULT '' NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE,
    tries INTEGER DEFAULT 0 NOT NULL,
    failing_since TIMESTAMP WITH TIME ZONE,
    renewed BOOLEAN DEFAULT false NOT NULL,
    runner TEXT,
    leased_until TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    done_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_paperwork_run PRIMARY KEY (tenant_id, call_id, connection_id),
    CONSTRAINT fk_paperwork_run_tenant_id_call_id FOREIGN KEY(tenant_id, call_id) REFERENCES call (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_paperwork_run_due ON paperwork_run (next_at, tenant_id) WHERE state in ('waiting', 'held');
CREATE INDEX ix_paperwork_run_person ON paperwork_run (tenant_id, connection_id, person);
CREATE INDEX ix_paperwork_run_failed ON paperwork_run (tenant_id, done_at) WHERE state = 'failed';
CREATE TABLE paperwork_step (
    tenant_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    step TEXT NOT NULL,
    place INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'skipped', 'failed')),
    key TEXT DEFAULT '' NOT NULL,
    attempts INTEGER DEFAULT 0 NOT NULL,
    record_kind TEXT DEFAULT '' NOT NULL,
    record_id TEXT DEFAULT '' NOT NULL,
    record_url TEXT DEFAULT '' NOT NULL,
    error TEXT DEFAULT '' NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    begun_at TIMESTAMP WITH TIME ZONE,
    done_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_paperwork_step PRIMARY KEY (tenant_id, call_id, connection_id, step),
    CONSTRAINT fk_paperwork_step_tenant_id_call_id_connection_id FOREIGN KEY(tenant_id, call_id, connection_id)
        REFERENCES paperwork_run (tenant_id, call_id, connection_id) ON DELETE CASCADE
);
CREATE TABLE paperwork_caller (
    tenant_id TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    person TEXT NOT NULL,
    key TEXT NOT NULL,
    record_id TEXT DEFAULT '' NOT NULL,
    record_url TEXT DEFAULT '' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_paperwork_caller PRIMARY KEY (tenant_id, connection_id, person),
    CONSTRAINT fk_paperwork_caller_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);
CREATE INDEX ix_paperwork_caller_tenant_id_connection_id_record_id ON paperwork_caller (tenant_id, connection_id, record_id);
ALTER TABLE seen_to DROP CONSTRAINT IF EXISTS seen_to_kind_check;
"""


def upgrade() -> None:
    """Make it."""
    run = op.get_bind().exec_driver_sql
    run(SCHEMA)
    for table in ("paperwork_run", "paperwork_step", "paperwork_caller"):
        tenant_table(run, table)
    # The sweep finds what is due, in whatever tenant; not whose it is or what it is about.
    platform_reads(run, "paperwork_run", "tenant_id, call_id, connection_id, state, next_at, leased_until")


def downgrade() -> None:
    """Data would be lost."""
    raise NotImplementedError("0020 cannot be undone: restore the backup that was made before it")
