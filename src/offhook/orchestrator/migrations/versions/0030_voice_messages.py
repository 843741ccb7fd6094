"""Messages that callers left with a carrier, whose sound is fetched and kept here."""

from alembic import op

from offhook.orchestrator.migrations.tenancy import tenant_table

revision = "0030"
down_revision = "0029"

SCHEMA = """
ALTER TABLE recording DROP CONSTRAINT recording_kind_check;
ALTER TABLE recording ADD CONSTRAINT recording_kind_check CHECK (kind IN ('recording', 'trace', 'message'));
CREATE TABLE voice_message (
    tenant_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    carrier TEXT NOT NULL,
    account_id TEXT,
    recording TEXT NOT NULL,
    url BYTEA,
    seconds DOUBLE PRECISION NOT NULL,
    state TEXT DEFAULT 'fetching' NOT NULL,
    fault TEXT,
    attempts INTEGER DEFAULT 0 NOT NULL,
    left_at TIMESTAMP WITH TIME ZONE NOT NULL,
    settled_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_voice_message PRIMARY KEY (tenant_id, call_id),
    CONSTRAINT fk_voice_message_tenant_id_call_id FOREIGN KEY(tenant_id, call_id) REFERENCES call (tenant_id, id)
);
"""


def upgrade() -> None:
    """Make it."""
    run = op.get_bind().exec_driver_sql
    run(SCHEMA)
    tenant_table(run, "voice_message")


def downgrade() -> None:
    """Data would be lost."""
    raise NotImplementedError("0030 cannot be undone: restore the backup that was made before it")
