"""Callers put through to people."""

from alembic import op

from offhook.orchestrator.migrations.tenancy import platform_reads, tenant_table

revision = "0023"
down_revision = "0022"

SCHEMA = """
CREATE TABLE transfer (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    key TEXT NOT NULL,
    target TEXT NOT NULL,
    people JSONB NOT NULL,
    account_id TEXT,
    caller_leg TEXT NOT NULL,
    did TEXT NOT NULL,
    language TEXT NOT NULL,
    warm BOOLEAN NOT NULL,
    brief TEXT DEFAULT '' NOT NULL,
    state TEXT NOT NULL CONSTRAINT ck_transfer_state CHECK (state IN ('trying', 'bridging', 'done', 'failed', 'cancelled')),
    reason TEXT DEFAULT '' NOT NULL,
    version INTEGER DEFAULT 1 NOT NULL,
    taken_by INTEGER,
    fetched BOOLEAN DEFAULT false NOT NULL,
    parted BOOLEAN DEFAULT false NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_transfer PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_transfer_tenant_id_key UNIQUE (tenant_id, key),
    CONSTRAINT fk_transfer_tenant_id_call_id FOREIGN KEY(tenant_id, call_id) REFERENCES call (tenant_id, id)
);
CREATE INDEX ix_transfer_tenant_id_call_id ON transfer (tenant_id, call_id);
CREATE INDEX ix_transfer_tenant_id_caller_leg ON transfer (tenant_id, caller_leg);
CREATE INDEX ix_transfer_until ON transfer (until) WHERE state IN ('trying', 'bridging');

CREATE TABLE transfer_attempt (
    tenant_id TEXT NOT NULL,
    transfer_id TEXT NOT NULL,
    place INTEGER NOT NULL,
    name TEXT NOT NULL,
    number TEXT NOT NULL,
    outcome TEXT NOT NULL,
    leg TEXT DEFAULT '' NOT NULL,
    began_at TIMESTAMP WITH TIME ZONE NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_transfer_attempt PRIMARY KEY (tenant_id, transfer_id, place),
    CONSTRAINT fk_transfer_attempt_tenant_id_transfer_id
        FOREIGN KEY(tenant_id, transfer_id) REFERENCES transfer (tenant_id, id) ON DELETE CASCADE
);
"""


def upgrade() -> None:
    """Make it."""
    run = op.get_bind().exec_driver_sql
    run(SCHEMA)
    for table in ("transfer", "transfer_attempt"):
        tenant_table(run, table)
    # A job that goes through all tenants asks what is overdue; nothing of what it is.
    platform_reads(run, "transfer", "tenant_id, id, state, until")


def downgrade() -> None:
    """Data would be lost."""
    raise NotImplementedError("0023 cannot be undone: restore the backup that was made before it")
