"""Calls out over trunks: by which engine, and which engine registers with a trunk. Trunks are UDP (decision 0020)."""

from alembic import op

from offhook.orchestrator.migrations.tenancy import tenant_table

revision = "0027"
down_revision = "0026"

SCHEMA = """
ALTER TABLE outgoing_call ADD COLUMN trunk_id TEXT;
ALTER TABLE outgoing_call ADD COLUMN engine TEXT DEFAULT '' NOT NULL;
ALTER TABLE outgoing_call ADD COLUMN boot TEXT DEFAULT '' NOT NULL;
ALTER TABLE trunk DROP COLUMN transport;
ALTER TABLE trunk_state ADD COLUMN boot TEXT DEFAULT '' NOT NULL;
CREATE TABLE trunk_lease (
    tenant_id TEXT NOT NULL,
    trunk_id TEXT NOT NULL,
    holder TEXT NOT NULL,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_trunk_lease PRIMARY KEY (tenant_id, trunk_id),
    CONSTRAINT fk_trunk_lease_tenant_id_trunk_id
        FOREIGN KEY(tenant_id, trunk_id) REFERENCES trunk (tenant_id, id) ON DELETE CASCADE
);
"""


def upgrade() -> None:
    """Make it."""
    run = op.get_bind().exec_driver_sql
    run(SCHEMA)
    tenant_table(run, "trunk_lease")


def downgrade() -> None:
    """Data would be lost."""
    raise NotImplementedError("0027 cannot be undone: restore the backup that was made before it")
