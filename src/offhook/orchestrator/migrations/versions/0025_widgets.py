"""The call button on tenants' web sites."""

from alembic import op

from offhook.orchestrator.migrations.tenancy import platform_reads, tenant_table

revision = "0025"
down_revision = "0024"

SCHEMA = """
CREATE TABLE widget (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    key TEXT NOT NULL,
    label TEXT DEFAULT '' NOT NULL,
    origins TEXT[] DEFAULT '{}' NOT NULL,
    enabled BOOLEAN DEFAULT true NOT NULL,
    per_minute INTEGER NOT NULL,
    per_day INTEGER NOT NULL,
    revision INTEGER DEFAULT 1 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_widget PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_widget_key UNIQUE (key),
    CONSTRAINT fk_widget_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id),
    CONSTRAINT fk_widget_tenant_id_agent_id FOREIGN KEY(tenant_id, agent_id) REFERENCES agent (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_widget_tenant_id_created_at_id ON widget (tenant_id, created_at, id);
"""


def upgrade() -> None:
    """Make it."""
    run = op.get_bind().exec_driver_sql
    run(SCHEMA)
    tenant_table(run, "widget")
    # A page brings the button's key and nothing else: the directory says whose it is.
    platform_reads(run, "widget", "tenant_id, id, key")


def downgrade() -> None:
    """Data would be lost."""
    raise NotImplementedError("0025 cannot be undone: restore the backup that was made before it")
