"""Voice tests of agents: one-time tokens, what they are a test of, and what tools answer in them."""

from alembic import op

from offhook.orchestrator.migrations.tenancy import policy, tenant_table

revision = "0010"
down_revision = "0009"

SCHEMA = """
CREATE TABLE voice_test (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    token_digest TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    version INTEGER,
    draft INTEGER,
    config JSON NOT NULL,
    caller TEXT DEFAULT '' NOT NULL,
    tools JSON NOT NULL,
    used JSONB DEFAULT '{}' NOT NULL,
    made_by TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    call_id TEXT,
    CONSTRAINT pk_voice_test PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_voice_test_token_digest UNIQUE (token_digest),
    CONSTRAINT fk_voice_test_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id),
    CONSTRAINT fk_voice_test_tenant_id_agent_id FOREIGN KEY(tenant_id, agent_id) REFERENCES agent (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_voice_test_tenant_id_agent_id_created_at ON voice_test (tenant_id, agent_id, created_at);
CREATE INDEX ix_voice_test_tenant_id_call_id ON voice_test (tenant_id, call_id);
CREATE INDEX ix_voice_test_tenant_id_expires_at ON voice_test (tenant_id, expires_at);
"""


def upgrade() -> None:
    """Make it."""
    run = op.get_bind().exec_driver_sql
    run(SCHEMA)
    tenant_table(run, "voice_test")
    # A token comes before its tenant is known. What is tested stays the tenant's own.
    policy(
        run,
        "voice_test",
        "offhook_platform",
        "select (tenant_id, id, token_digest, expires_at, call_id), update (call_id)",
        "true",
    )


def downgrade() -> None:
    """There is no way back from many tenants to one."""
    raise NotImplementedError("0010 cannot be undone: restore the backup that was made before it")
