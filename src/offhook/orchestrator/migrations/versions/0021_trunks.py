"""SIP trunks, the numbers that belong to them, and how they fare at each engine."""

from alembic import op

from offhook.orchestrator.migrations.tenancy import platform_reads, tenant_table

revision = "0021"
down_revision = "0020"

SCHEMA = """
CREATE TABLE trunk (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    label TEXT DEFAULT '' NOT NULL,
    auth TEXT NOT NULL CONSTRAINT ck_trunk_auth CHECK (auth IN ('register', 'address')),
    host TEXT DEFAULT '' NOT NULL,
    transport TEXT NOT NULL CONSTRAINT ck_trunk_transport CHECK (transport IN ('udp', 'tcp', 'tls')),
    username TEXT DEFAULT '' NOT NULL,
    password BYTEA,
    sources TEXT[] DEFAULT '{}' NOT NULL,
    did_from TEXT NOT NULL CONSTRAINT ck_trunk_did_from CHECK (did_from IN ('request', 'to', 'p-called-party-id', 'diversion')),
    codecs TEXT[] DEFAULT '{}' NOT NULL,
    max_calls INTEGER NOT NULL CONSTRAINT ck_trunk_max_calls CHECK (max_calls > 0),
    enabled BOOLEAN DEFAULT true NOT NULL,
    revision INTEGER DEFAULT 1 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_trunk PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_trunk_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);
CREATE INDEX ix_trunk_tenant_id_created_at_id ON trunk (tenant_id, created_at, id);

CREATE TABLE trunk_state (
    tenant_id TEXT NOT NULL,
    trunk_id TEXT NOT NULL,
    engine TEXT NOT NULL,
    state TEXT NOT NULL,
    error TEXT DEFAULT '' NOT NULL,
    calls INTEGER DEFAULT 0 NOT NULL,
    refused INTEGER DEFAULT 0 NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_trunk_state PRIMARY KEY (tenant_id, trunk_id, engine),
    CONSTRAINT fk_trunk_state_tenant_id_trunk_id
        FOREIGN KEY(tenant_id, trunk_id) REFERENCES trunk (tenant_id, id) ON DELETE CASCADE
);

ALTER TABLE number ADD COLUMN trunk_id TEXT;
ALTER TABLE number ADD CONSTRAINT number_belongs CHECK (carrier_account_id IS NULL OR trunk_id IS NULL);
ALTER TABLE number ADD CONSTRAINT fk_number_tenant_id_trunk_id FOREIGN KEY(tenant_id, trunk_id) REFERENCES trunk (tenant_id, id);
CREATE INDEX ix_number_tenant_id_trunk_id ON number (tenant_id, trunk_id);
"""


def upgrade() -> None:
    """Make it."""
    run = op.get_bind().exec_driver_sql
    run(SCHEMA)
    for table in ("trunk", "trunk_state"):
        tenant_table(run, table)
    # An engine asks for the trunks of all tenants: the directory says which have some, and whether any has changed; nothing of how.
    platform_reads(run, "trunk", "tenant_id, id, enabled, revision")
    run("GRANT SELECT (trunk_id) ON number TO offhook_platform")


def downgrade() -> None:
    """Data would be lost."""
    raise NotImplementedError("0021 cannot be undone: restore the backup that was made before it")
