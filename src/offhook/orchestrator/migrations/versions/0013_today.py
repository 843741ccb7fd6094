"""What needs somebody, and what somebody has seen to; the few calls and messages that do are found without looking through all."""

from alembic import op

from offhook.orchestrator.migrations.tenancy import tenant_table

revision = "0013"
down_revision = "0012"

SCHEMA = """
CREATE TABLE seen_to (
    tenant_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('number', 'broken', 'refused', 'promise', 'urgent')),
    thing TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    by_kind TEXT NOT NULL,
    by_id TEXT NOT NULL,
    CONSTRAINT pk_seen_to PRIMARY KEY (tenant_id, kind, thing),
    CONSTRAINT fk_seen_to_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);
CREATE INDEX ix_call_broken ON call (tenant_id, at, id) WHERE reason = 'failed';
CREATE INDEX ix_message_callback ON message (tenant_id, created_at, id) WHERE kind = 'callback';
"""


def upgrade() -> None:
    """Make it."""
    run = op.get_bind().exec_driver_sql
    run(SCHEMA)
    tenant_table(run, "seen_to")


def downgrade() -> None:
    """What was seen to needs somebody again."""
    op.get_bind().exec_driver_sql("DROP INDEX ix_message_callback; DROP INDEX ix_call_broken; DROP TABLE seen_to")
