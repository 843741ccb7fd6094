"""Data keys, the audit log's chain, revisions, exports, erasure."""

from alembic import op

from offhook.orchestrator.migrations.tenancy import RESELLER, TENANT, platform_reads, platform_table, policy, tenant_table

revision = "0003"
down_revision = "0002"

SCHEMA = """
CREATE TABLE data_key (
    tenant_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    kek_id TEXT NOT NULL,
    wrapped BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    retired_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_data_key PRIMARY KEY (tenant_id, version),
    CONSTRAINT fk_data_key_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);
CREATE INDEX ix_data_key_kek_id ON data_key (kek_id);

CREATE TABLE platform_data_key (
    version INTEGER NOT NULL,
    kek_id TEXT NOT NULL,
    wrapped BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    retired_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_platform_data_key PRIMARY KEY (version)
);

ALTER TABLE tenant ADD COLUMN revision INTEGER DEFAULT '1' NOT NULL;
ALTER TABLE tenant ADD COLUMN erasing_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE tenant ADD COLUMN erasure_id TEXT;
ALTER TABLE tenant ADD COLUMN erasing_by TEXT;
ALTER TABLE tenant ADD COLUMN retention_days INTEGER;
ALTER TABLE tenant ADD CONSTRAINT tenant_retention_days CHECK (retention_days > 0);
ALTER TABLE tenant ADD CONSTRAINT tenant_erasing CHECK (
    (erasing_at IS NULL) = (erasure_id IS NULL) AND (erasing_at IS NULL OR suspended));
CREATE INDEX ix_tenant_created_at_id ON tenant (created_at, id);
DROP INDEX ix_tenant_reseller_id;
CREATE INDEX ix_tenant_reseller_id_created_at_id ON tenant (reseller_id, created_at, id);

ALTER TABLE reseller ADD COLUMN settings JSONB DEFAULT '{}' NOT NULL;
ALTER TABLE reseller ADD COLUMN revision INTEGER DEFAULT '1' NOT NULL;

ALTER TABLE audit ADD COLUMN seq BIGINT NOT NULL;
ALTER TABLE audit ADD COLUMN hash BYTEA NOT NULL;
ALTER TABLE audit ADD CONSTRAINT fk_audit_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id);
DROP INDEX ix_audit_tenant_id_id;
DROP INDEX ix_audit_reseller_id_id;
CREATE UNIQUE INDEX uq_audit_tenant_id_reseller_id_seq ON audit (tenant_id, reseller_id, seq) NULLS NOT DISTINCT;

CREATE TABLE audit_head (
    owner TEXT NOT NULL,
    tenant_id TEXT,
    reseller_id TEXT,
    seq BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    CONSTRAINT pk_audit_head PRIMARY KEY (owner),
    CONSTRAINT fk_audit_head_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);

CREATE TABLE tenant_export (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'ready', 'failed')),
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ready_at TIMESTAMP WITH TIME ZONE,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    size BIGINT,
    sha256 TEXT,
    counts JSONB DEFAULT '{}' NOT NULL,
    CONSTRAINT pk_tenant_export PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_tenant_export_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);
CREATE INDEX ix_tenant_export_expires_at ON tenant_export (expires_at);

CREATE TABLE erasure (
    id TEXT NOT NULL,
    reseller_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    counts JSONB DEFAULT '{}' NOT NULL,
    verified BOOLEAN DEFAULT 'false' NOT NULL,
    CONSTRAINT pk_erasure PRIMARY KEY (id)
);
CREATE INDEX ix_erasure_requested_at_id ON erasure (requested_at, id);
CREATE INDEX ix_erasure_reseller_id_requested_at_id ON erasure (reseller_id, requested_at, id);
"""

# The functions run as the owner of the tables, whom row-level security binds too unless it is a superuser. So the owner gets a policy on
# every table that names a tenant: the rows of the tenant that is being erased, by a setting that only these functions make.
ERASING = """
CREATE FUNCTION offhook_tenant_tables() RETURNS TABLE (name TEXT, mine TEXT) LANGUAGE sql STABLE AS $$
    SELECT c.relname::text, a.attname::text
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND a.attname = CASE WHEN c.relname = 'tenant' THEN 'id' ELSE 'tenant_id' END
$$;

-- One table at a time, in a transaction of its own: a policy locks its table, and who locks several waits for others in a ring.
CREATE FUNCTION offhook_open_to_erasing(a_table TEXT) RETURNS INTEGER
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    mine TEXT;
    command TEXT;
    made INTEGER := 0;
BEGIN
    IF (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user) THEN
        RETURN 0;
    END IF;
    SELECT t.mine INTO STRICT mine FROM offhook_tenant_tables() t WHERE t.name = a_table;
    FOREACH command IN ARRAY ARRAY['select', 'update', 'delete'] LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_policies p
            WHERE p.schemaname = 'public' AND p.tablename = a_table AND p.policyname = 'offhook_erases_' || command);
        EXECUTE format('CREATE POLICY %I ON %I FOR %s TO %I USING (%I = current_setting(''offhook.erasing'', true))',
            'offhook_erases_' || command, a_table, command, current_user, mine);
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;

CREATE FUNCTION offhook_erasing(a_tenant TEXT) RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('offhook.erasing', a_tenant, true);
    IF a_tenant <> '' AND NOT EXISTS (SELECT FROM tenant WHERE id = a_tenant AND erasing_at IS NOT NULL) THEN
        RAISE EXCEPTION 'only a tenant that is being erased can be erased' USING ERRCODE = 'insufficient_privilege';
    END IF;
END $$;

CREATE FUNCTION offhook_erase_rows(a_tenant TEXT, a_table TEXT, a_most INTEGER) RETURNS INTEGER
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    mine TEXT;
    gone INTEGER;
BEGIN
    PERFORM offhook_erasing(a_tenant);
    SELECT t.mine INTO STRICT mine FROM offhook_tenant_tables() t WHERE t.name = a_table;
    EXECUTE format('DELETE FROM %1$I WHERE ctid = ANY (ARRAY(SELECT ctid FROM %1$I WHERE %2$I = $1 LIMIT $2))', a_table, mine)
        USING a_tenant, a_most;
    GET DIAGNOSTICS gone = ROW_COUNT;
    PERFORM offhook_erasing('');
    RETURN gone;
END $$;

CREATE FUNCTION offhook_erase_links(a_tenant TEXT, a_table TEXT, a_column TEXT) RETURNS VOID
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    mine TEXT;
BEGIN
    PERFORM offhook_erasing(a_tenant);
    SELECT t.mine INTO STRICT mine FROM offhook_tenant_tables() t WHERE t.name = a_table;
    EXECUTE format('UPDATE %1$I SET %3$I = NULL WHERE %2$I = $1 AND %3$I IS NOT NULL', a_table, mine, a_column) USING a_tenant;
    PERFORM offhook_erasing('');
END $$;

-- A job names a tenant by its id, or by what begins with it (harbour/front-desk), however deep in what it was given.
CREATE FUNCTION offhook_job_names(a_args JSONB, a_tenant TEXT) RETURNS BOOLEAN LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_path_exists(a_args, '$.** ? (@ == $id || @ starts with $ref)',
        jsonb_build_object('id', a_tenant, 'ref', a_tenant || '/'))
$$;

CREATE FUNCTION offhook_erase_jobs(a_tenant TEXT) RETURNS INTEGER
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    gone INTEGER;
BEGIN
    PERFORM offhook_erasing(a_tenant);
    DELETE FROM procrastinate_jobs WHERE status <> 'doing' AND offhook_job_names(args, a_tenant);
    GET DIAGNOSTICS gone = ROW_COUNT;
    PERFORM offhook_erasing('');
    RETURN gone;
END $$;

CREATE FUNCTION offhook_running_jobs(a_tenant TEXT, a_but TEXT) RETURNS INTEGER
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT count(*)::integer FROM procrastinate_jobs WHERE task_name <> a_but AND status = 'doing' AND offhook_job_names(args, a_tenant)
$$;

CREATE FUNCTION offhook_rows_left(a_tenant TEXT) RETURNS JSONB
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    one RECORD;
    found BIGINT;
    counts JSONB := '{}';
BEGIN
    PERFORM set_config('offhook.erasing', a_tenant, true);
    FOR one IN SELECT * FROM offhook_tenant_tables() LOOP
        EXECUTE format('SELECT count(*) FROM %I WHERE %I = $1', one.name, one.mine) INTO found USING a_tenant;
        IF found > 0 THEN
            counts := counts || jsonb_build_object(one.name, found);
        END IF;
    END LOOP;
    PERFORM set_config('offhook.erasing', '', true);
    RETURN counts;
END $$;
"""
PLATFORM = "tenant_id is null and reseller_id is null"
GUARDED = (
    "offhook_open_to_erasing(text)",
    "offhook_erase_rows(text, text, integer)",
    "offhook_erase_links(text, text, text)",
    "offhook_erase_jobs(text)",
    "offhook_running_jobs(text, text)",
    "offhook_rows_left(text)",
)


def upgrade() -> None:
    """Make it."""
    run = op.get_bind().exec_driver_sql
    run(SCHEMA)
    run(ERASING.replace("%", "%%"))
    for function in GUARDED:
        run(f"revoke execute on function {function} from public")
        run(f"grant execute on function {function} to offhook_platform")
    tenant_table(run, "data_key")
    platform_reads(run, "data_key", "tenant_id, kek_id")
    platform_table(run, "platform_data_key")
    # The directory keeps a log of its own and reads nobody else's: they say what tenants and their customers did.
    for kind in ("select", "insert"):
        run(f"drop policy offhook_platform_{kind} on audit")
    policy(run, "audit", "offhook_platform", "select, insert", PLATFORM)
    run("alter table audit_head enable row level security")
    run("alter table audit_head force row level security")
    policy(run, "audit_head", "offhook_platform", "select, insert, update", PLATFORM)
    policy(run, "audit_head", "offhook_tenant", "select, insert, update", TENANT)
    policy(run, "audit_head", "offhook_reseller", "select, insert, update", RESELLER + " and tenant_id is null")
    tenant_table(run, "tenant_export")
    platform_reads(run, "tenant_export", "tenant_id, id, expires_at")
    platform_table(run, "erasure", rights="select, insert, update")
    policy(run, "erasure", "offhook_reseller", "select, insert", RESELLER)


def downgrade() -> None:
    """There is no way back: what was sealed could not be opened."""
    raise NotImplementedError("0003 cannot be undone: restore the backup that was made before it")
