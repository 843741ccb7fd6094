"""Holds on visits, busy times of systems outside, and visits written there."""

from alembic import op

from offhook.orchestrator.migrations.tenancy import platform_reads, tenant_table

revision = "0019"
down_revision = "0018"

SCHEMA = """
ALTER TABLE appointment ADD COLUMN held_until TIMESTAMP WITH TIME ZONE;
ALTER TABLE appointment ADD COLUMN held_by TEXT;
ALTER TABLE appointment ADD COLUMN held_key TEXT;
ALTER TABLE appointment ADD CONSTRAINT appointment_held CHECK ((status = 'held') = (held_until IS NOT NULL));
ALTER TABLE appointment DROP CONSTRAINT appointment_no_overlap;
ALTER TABLE appointment ADD CONSTRAINT appointment_no_overlap EXCLUDE USING gist (
    tenant_id WITH =, staff WITH =, tstzrange(starts_at, ends_at) WITH &&) WHERE (status IN ('booked', 'held'));
CREATE INDEX ix_appointment_held ON appointment (tenant_id, held_until) WHERE status = 'held';

CREATE TABLE appointment_copy (
    tenant_id TEXT NOT NULL,
    appointment_id TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    state TEXT NOT NULL CONSTRAINT ck_appointment_copy_state CHECK (state IN ('waiting', 'written', 'failed', 'gone')),
    external_id TEXT DEFAULT '' NOT NULL,
    url TEXT DEFAULT '' NOT NULL,
    write_key TEXT NOT NULL,
    resource TEXT DEFAULT '' NOT NULL,
    starts_at TIMESTAMP WITH TIME ZONE,
    ends_at TIMESTAMP WITH TIME ZONE,
    revision INTEGER DEFAULT 0 NOT NULL,
    tried INTEGER DEFAULT 0 NOT NULL,
    attempts INTEGER DEFAULT 0 NOT NULL,
    error TEXT DEFAULT '' NOT NULL,
    waiting_since TIMESTAMP WITH TIME ZONE,
    next_at TIMESTAMP WITH TIME ZONE,
    lease TEXT DEFAULT '' NOT NULL,
    leased_until TIMESTAMP WITH TIME ZONE,
    written_at TIMESTAMP WITH TIME ZONE,
    clash TEXT DEFAULT '' NOT NULL,
    clash_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_appointment_copy PRIMARY KEY (tenant_id, appointment_id, connection_id),
    CONSTRAINT fk_appointment_copy_tenant_id_appointment_id
        FOREIGN KEY(tenant_id, appointment_id) REFERENCES appointment (tenant_id, id),
    CONSTRAINT fk_appointment_copy_tenant_id_connection_id
        FOREIGN KEY(tenant_id, connection_id) REFERENCES connection (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_appointment_copy_external ON appointment_copy (tenant_id, connection_id, external_id);
CREATE INDEX ix_appointment_copy_next_at ON appointment_copy (next_at) WHERE state = 'waiting';

CREATE TABLE busy_time (
    tenant_id TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    resource TEXT NOT NULL,
    starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    external_id TEXT NOT NULL,
    CONSTRAINT pk_busy_time PRIMARY KEY (tenant_id, connection_id, resource, starts_at, ends_at, external_id),
    CONSTRAINT fk_busy_time_tenant_id_connection_id
        FOREIGN KEY(tenant_id, connection_id) REFERENCES connection (tenant_id, id) ON DELETE CASCADE
);

CREATE TABLE busy_state (
    tenant_id TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    fetched_at TIMESTAMP WITH TIME ZONE,
    known_until TIMESTAMP WITH TIME ZONE,
    next_at TIMESTAMP WITH TIME ZONE NOT NULL,
    failures INTEGER DEFAULT 0 NOT NULL,
    CONSTRAINT pk_busy_state PRIMARY KEY (tenant_id, connection_id),
    CONSTRAINT fk_busy_state_tenant_id_connection_id
        FOREIGN KEY(tenant_id, connection_id) REFERENCES connection (tenant_id, id) ON DELETE CASCADE
);

ALTER TABLE seen_to DROP CONSTRAINT seen_to_kind_check;
ALTER TABLE seen_to ADD CONSTRAINT seen_to_kind_check
    CHECK (kind IN ('number', 'broken', 'clash', 'refused', 'promise', 'urgent'));
"""


def upgrade() -> None:
    """Make it."""
    run = op.get_bind().exec_driver_sql
    run(SCHEMA)
    for table in ("appointment_copy", "busy_time", "busy_state"):
        tenant_table(run, table)
    # Jobs that go through all tenants ask what is due; nothing of what it is.
    platform_reads(run, "appointment_copy", "tenant_id, appointment_id, connection_id, state, next_at, leased_until")
    platform_reads(run, "busy_state", "tenant_id, connection_id, next_at")


def downgrade() -> None:
    """Data would be lost."""
    raise NotImplementedError("0019 cannot be undone: restore the backup that was made before it")
