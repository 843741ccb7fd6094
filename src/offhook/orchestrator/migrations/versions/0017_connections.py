"""Connections to business systems, and what their authorisation needs."""

from alembic import op

from offhook.orchestrator.migrations.tenancy import platform_reads, policy, reseller_table, tenant_table

revision = "0017"
down_revision = "0016"

SCHEMA = """
CREATE TABLE connection (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    adapter TEXT NOT NULL,
    auth TEXT NOT NULL CONSTRAINT ck_connection_auth CHECK (auth IN ('key', 'oauth', 'none')),
    account_id TEXT NOT NULL,
    account TEXT NOT NULL,
    timezone TEXT NOT NULL,
    state TEXT NOT NULL CONSTRAINT ck_connection_state CHECK (state IN ('active', 'expired', 'off')),
    problem TEXT DEFAULT '' NOT NULL,
    settings JSONB NOT NULL,
    chosen JSONB NOT NULL,
    mapping JSONB NOT NULL,
    ok_at TIMESTAMP WITH TIME ZONE,
    failed_at TIMESTAMP WITH TIME ZONE,
    synced_at TIMESTAMP WITH TIME ZONE,
    revision INTEGER DEFAULT 1 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_connection PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_connection_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);
CREATE UNIQUE INDEX uq_connection_tenant_id_adapter_account_id ON connection (tenant_id, adapter, account_id) WHERE account_id <> '';

CREATE TABLE connection_secret (
    tenant_id TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    field TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_connection_secret PRIMARY KEY (tenant_id, connection_id, field),
    CONSTRAINT fk_connection_secret_tenant_id FOREIGN KEY(tenant_id, connection_id) REFERENCES connection (tenant_id, id) ON DELETE CASCADE
);

CREATE TABLE connection_token (
    tenant_id TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    access_token BYTEA NOT NULL,
    refresh_token BYTEA,
    granted TEXT NOT NULL,
    owner TEXT NOT NULL,
    generation INTEGER NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    renewed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    warned_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_connection_token PRIMARY KEY (tenant_id, connection_id),
    CONSTRAINT fk_connection_token_tenant_id FOREIGN KEY(tenant_id, connection_id) REFERENCES connection (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_connection_token_renewed_at ON connection_token (renewed_at);

CREATE TABLE connection_exchange (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    write_key TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    status INTEGER,
    trouble TEXT NOT NULL,
    seconds DOUBLE PRECISION NOT NULL,
    sent_sha256 TEXT NOT NULL,
    got_sha256 TEXT NOT NULL,
    raw BYTEA NOT NULL,
    CONSTRAINT pk_connection_exchange PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_connection_exchange_tenant_id
        FOREIGN KEY(tenant_id, connection_id) REFERENCES connection (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_connection_exchange_connection_id ON connection_exchange (tenant_id, connection_id, id);
CREATE INDEX ix_connection_exchange_at ON connection_exchange (at);

CREATE TABLE oauth_flow (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    adapter TEXT NOT NULL,
    connection_id TEXT,
    begun_by TEXT NOT NULL,
    session_hash BYTEA NOT NULL,
    host TEXT NOT NULL,
    path TEXT NOT NULL,
    owner TEXT NOT NULL,
    client_id TEXT NOT NULL,
    kept BYTEA NOT NULL,
    state TEXT NOT NULL CONSTRAINT ck_oauth_flow_state CHECK (state IN ('begun', 'back', 'done')),
    handoff_hash BYTEA,
    code BYTEA,
    error TEXT DEFAULT '' NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_oauth_flow PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_oauth_flow_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);
CREATE INDEX ix_oauth_flow_expires_at ON oauth_flow (expires_at);

CREATE TABLE reseller_oauth_client (
    reseller_id TEXT NOT NULL,
    adapter TEXT NOT NULL,
    client_id TEXT NOT NULL,
    client_secret BYTEA NOT NULL,
    client_secret_end TEXT NOT NULL,
    revision INTEGER DEFAULT 1 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_reseller_oauth_client PRIMARY KEY (reseller_id, adapter),
    CONSTRAINT fk_reseller_oauth_client_reseller_id FOREIGN KEY(reseller_id) REFERENCES reseller (id) ON DELETE CASCADE
);
"""


def upgrade() -> None:
    """Make it."""
    run = op.get_bind().exec_driver_sql
    run(SCHEMA)
    for table in ("connection", "connection_secret", "connection_token", "connection_exchange", "oauth_flow"):
        tenant_table(run, table)
    reseller_table(run, "reseller_oauth_client")
    # Jobs that go through all tenants ask which connections there are and whose tokens would lapse; nothing of what they hold.
    platform_reads(run, "connection", "tenant_id, id, adapter, state")
    platform_reads(run, "connection_token", "tenant_id, connection_id, renewed_at, expires_at")
    policy(run, "connection_exchange", "offhook_platform", "select (at), delete", "true")
    policy(run, "oauth_flow", "offhook_platform", "select (expires_at), delete", "true")
    # The platform's key seals a reseller's secret, so it is the directory that opens it, for the reseller's tenants.
    policy(run, "reseller_oauth_client", "offhook_platform", "select (reseller_id, adapter, client_id, client_secret)", "true")


def downgrade() -> None:
    """The connections would be lost."""
    raise NotImplementedError("0017 cannot be undone: restore the backup that was made before it")
