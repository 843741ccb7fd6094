"""What is kept of business systems: customers by number, and what is known of them."""

from alembic import op

from offhook.orchestrator.migrations.tenancy import platform_reads, tenant_table

revision = "0018"
down_revision = "0017"

CONNECTION = "FOREIGN KEY(tenant_id, connection_id) REFERENCES connection (tenant_id, id) ON DELETE CASCADE"
SCHEMA = f"""
CREATE TABLE sync (
    tenant_id TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    cursor TEXT DEFAULT '' NOT NULL,
    lap INTEGER DEFAULT '0' NOT NULL,
    whole BOOLEAN DEFAULT 'true' NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    synced_at TIMESTAMP WITH TIME ZONE,
    failures INTEGER DEFAULT '0' NOT NULL,
    runner TEXT,
    leased_until TIMESTAMP WITH TIME ZONE,
    watched_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_sync PRIMARY KEY (tenant_id, connection_id),
    CONSTRAINT fk_sync_tenant_id_connection_id {CONNECTION}
);
CREATE TABLE outside_customer (
    tenant_id TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    address TEXT NOT NULL,
    url TEXT NOT NULL,
    balance NUMERIC(18, 4),
    currency TEXT NOT NULL,
    read_at TIMESTAMP WITH TIME ZONE NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE,
    lap INTEGER NOT NULL,
    CONSTRAINT pk_outside_customer PRIMARY KEY (tenant_id, connection_id, id),
    CONSTRAINT fk_outside_customer_tenant_id_connection_id {CONNECTION}
);
CREATE TABLE outside_phone (
    tenant_id TEXT NOT NULL,
    phone TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    CONSTRAINT pk_outside_phone PRIMARY KEY (tenant_id, phone, connection_id, customer_id),
    CONSTRAINT fk_outside_phone_tenant_id_connection_id_customer_id FOREIGN KEY(tenant_id, connection_id, customer_id)
        REFERENCES outside_customer (tenant_id, connection_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_outside_phone_tenant_id_connection_id_customer_id ON outside_phone (tenant_id, connection_id, customer_id);
CREATE TABLE outside_job (
    tenant_id TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    id TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    title TEXT NOT NULL,
    status TEXT NOT NULL,
    url TEXT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    lap INTEGER NOT NULL,
    CONSTRAINT pk_outside_job PRIMARY KEY (tenant_id, connection_id, id),
    CONSTRAINT fk_outside_job_tenant_id_connection_id {CONNECTION}
);
CREATE INDEX ix_outside_job_tenant_id_connection_id_customer_id ON outside_job (tenant_id, connection_id, customer_id);
CREATE TABLE outside_visit (
    tenant_id TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    id TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    job_id TEXT NOT NULL,
    title TEXT NOT NULL,
    url TEXT NOT NULL,
    starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    lap INTEGER NOT NULL,
    CONSTRAINT pk_outside_visit PRIMARY KEY (tenant_id, connection_id, id),
    CONSTRAINT fk_outside_visit_tenant_id_connection_id {CONNECTION}
);
CREATE INDEX ix_outside_visit_tenant_id_connection_id_customer_id ON outside_visit (tenant_id, connection_id, customer_id);
CREATE INDEX ix_outside_visit_tenant_id_connection_id_job_id ON outside_visit (tenant_id, connection_id, job_id);
CREATE TABLE sync_heard (
    tenant_id TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    id TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_sync_heard PRIMARY KEY (tenant_id, connection_id, id),
    CONSTRAINT fk_sync_heard_tenant_id_connection_id {CONNECTION}
);
"""


def upgrade() -> None:
    """Make it."""
    run = op.get_bind().exec_driver_sql
    run(SCHEMA)
    for table in ("sync", "outside_customer", "outside_phone", "outside_job", "outside_visit", "sync_heard"):
        tenant_table(run, table)
    platform_reads(run, "sync", "tenant_id, connection_id, due_at, leased_until")


def downgrade() -> None:
    """Data would be lost."""
    raise NotImplementedError("0018 cannot be undone: restore the backup that was made before it")
