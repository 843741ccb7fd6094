"""Many tenants: resellers, database roles, row-level security on every table, API keys, audit, idempotency."""

from alembic import op

from offhook.orchestrator.migrations.tenancy import (
    ALL,
    RESELLER,
    TENANT,
    platform_reads,
    platform_table,
    policy,
    roles,
    tenant_table,
)

revision = "0002"
down_revision = "0001"

SCHEMA = """
CREATE TABLE reseller (
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    suspended BOOLEAN DEFAULT 'false' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_reseller PRIMARY KEY (id)
);
INSERT INTO reseller (id, name) VALUES ('direct', 'Direct');

ALTER TABLE tenant ADD COLUMN reseller_id TEXT NOT NULL DEFAULT 'direct';
ALTER TABLE tenant ALTER COLUMN reseller_id DROP DEFAULT;
ALTER TABLE tenant ADD CONSTRAINT fk_tenant_reseller_id FOREIGN KEY(reseller_id) REFERENCES reseller (id);
CREATE INDEX ix_tenant_reseller_id ON tenant (reseller_id);

CREATE TABLE api_key (
    id TEXT NOT NULL,
    level TEXT NOT NULL CHECK (level IN ('platform', 'reseller', 'tenant')),
    reseller_id TEXT,
    tenant_id TEXT,
    name TEXT NOT NULL,
    hash BYTEA NOT NULL,
    scopes JSONB NOT NULL,
    created_by TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    last_used_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_api_key PRIMARY KEY (id),
    CONSTRAINT api_key_owner CHECK ((level = 'tenant') = (tenant_id IS NOT NULL) AND (level = 'reseller') = (reseller_id IS NOT NULL)),
    CONSTRAINT fk_api_key_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id),
    CONSTRAINT fk_api_key_reseller_id FOREIGN KEY(reseller_id) REFERENCES reseller (id)
);
CREATE INDEX ix_api_key_tenant_id_id ON api_key (tenant_id, id);
CREATE INDEX ix_api_key_reseller_id_id ON api_key (reseller_id, id);

CREATE TABLE audit (
    id TEXT NOT NULL,
    tenant_id TEXT,
    reseller_id TEXT,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    details JSONB NOT NULL,
    ip TEXT NOT NULL,
    CONSTRAINT pk_audit PRIMARY KEY (id)
);
CREATE INDEX ix_audit_tenant_id_id ON audit (tenant_id, id);
CREATE INDEX ix_audit_reseller_id_id ON audit (reseller_id, id);

CREATE FUNCTION offhook_audit_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE ON audit FOR EACH ROW
    WHEN (coalesce(current_setting('offhook.erasing', true), '') = '') EXECUTE FUNCTION offhook_audit_stays();

CREATE TABLE idempotency (
    owner TEXT NOT NULL,
    tenant_id TEXT,
    reseller_id TEXT,
    principal TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status INTEGER,
    body TEXT,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_idempotency PRIMARY KEY (owner, principal, key)
);
CREATE INDEX ix_idempotency_made_at ON idempotency (made_at);

ALTER TABLE call DROP CONSTRAINT uq_call_id;
"""

TENANTS = (
    "agent", "customer", "media_token", "tool_run", "appointment", "call", "lead", "message", "number", "call_event", "call_result",
)  # fmt: skip
_DEFER = "select p.oid::regprocedure from pg_proc p where p.proname like 'procrastinate_defer%%' or p.proname like 'procrastinate_notify%%'"
_JOBS = "select c.oid::regclass from pg_class c where c.relname like 'procrastinate%%' and c.relkind in "


def upgrade() -> None:
    """Make it."""
    run = op.get_bind().exec_driver_sql
    roles(run)
    run("grant select on alembic_version to public")
    for statement in (SCHEMA,):
        run(statement)
    for table in TENANTS:
        tenant_table(run, table)
    tenant_table(run, "tenant", rights="select, update", column="id")
    policy(run, "tenant", "offhook_reseller", "select, insert, update", RESELLER)
    policy(run, "tenant", "offhook_platform", ALL, "true")
    platform_table(run, "reseller")
    policy(run, "reseller", "offhook_reseller", "select, update", "id = current_setting('offhook.reseller', true)")
    platform_reads(run, "number", "tenant_id, id, did, agent_id")
    platform_reads(run, "agent", "tenant_id, id")
    policy(run, "media_token", "offhook_platform", ALL, "true")
    platform_table(run, "api_key")
    policy(run, "api_key", "offhook_tenant", ALL, TENANT)
    policy(run, "api_key", "offhook_reseller", ALL, RESELLER)
    platform_table(run, "audit", rights="select, insert")
    policy(run, "audit", "offhook_tenant", "select, insert", TENANT)
    policy(run, "audit", "offhook_reseller", "select, insert", RESELLER + " and tenant_id is null")
    tenant_table(run, "idempotency")
    policy(run, "idempotency", "offhook_reseller", ALL, RESELLER)
    policy(run, "idempotency", "offhook_platform", ALL, "tenant_id is null and reseller_id is null")
    _jobs()


def _jobs() -> None:
    """The job queue's tables belong to its workers alone; a tenant's transaction may only add a job, by the queue's own functions."""
    run = op.get_bind().exec_driver_sql
    # A function that adds a job runs as its owner, so that nobody needs a right to read other tenants' jobs.
    run(f"""
        do $$ declare f regprocedure; begin
            for f in {_DEFER} loop
                execute format('alter function %%s security definer set search_path = public, pg_temp', f);
            end loop;
        end $$""")
    run(f"""
        do $$ declare t regclass; begin
            for t in {_JOBS} ('r') loop
                execute format('grant {ALL} on %%s to offhook_jobs', t);
            end loop;
            for t in {_JOBS} ('S') loop
                execute format('grant usage, select on sequence %%s to offhook_jobs', t);
            end loop;
        end $$""")


def downgrade() -> None:
    """There is no way back from many tenants to one."""
    raise NotImplementedError("0002 cannot be undone: restore the backup that was made before it")
