"""Numbers with their settings, carrier accounts, places of calls, and counts of calls that were not taken."""

from alembic import op

from offhook.orchestrator.migrations.tenancy import platform_table, policy, tenant_table

revision = "0006"
down_revision = "0005"

SCHEMA = """
ALTER TABLE tenant ADD COLUMN max_calls INTEGER DEFAULT '10' NOT NULL;
ALTER TABLE tenant ADD CONSTRAINT tenant_max_calls CHECK (max_calls >= 0);

CREATE TABLE carrier_account (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('twilio')),
    label TEXT DEFAULT '' NOT NULL,
    account_sid TEXT NOT NULL,
    auth_token BYTEA NOT NULL,
    auth_token_end TEXT NOT NULL,
    api_key_sid TEXT,
    api_key_secret BYTEA,
    api_key_end TEXT,
    revision INTEGER DEFAULT '1' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_carrier_account PRIMARY KEY (tenant_id, id),
    CONSTRAINT carrier_account_api_key CHECK ((api_key_sid IS NULL) = (api_key_secret IS NULL)),
    CONSTRAINT fk_carrier_account_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);
CREATE INDEX ix_carrier_account_tenant_id_created_at_id ON carrier_account (tenant_id, created_at, id);

ALTER TABLE number ADD COLUMN label TEXT DEFAULT '' NOT NULL;
ALTER TABLE number ADD COLUMN carrier_account_id TEXT;
ALTER TABLE number ADD COLUMN overflow TEXT;
ALTER TABLE number ADD COLUMN enabled BOOLEAN DEFAULT 'true' NOT NULL;
ALTER TABLE number ADD COLUMN max_calls INTEGER;
ALTER TABLE number ADD COLUMN revision INTEGER DEFAULT '1' NOT NULL;
ALTER TABLE number ADD COLUMN created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL;
ALTER TABLE number ADD COLUMN updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL;
ALTER TABLE number ADD CONSTRAINT number_max_calls CHECK (max_calls > 0);
ALTER TABLE number ADD CONSTRAINT fk_number_tenant_id_carrier_account_id
    FOREIGN KEY(tenant_id, carrier_account_id) REFERENCES carrier_account (tenant_id, id);
CREATE INDEX ix_number_tenant_id_created_at_id ON number (tenant_id, created_at, id);
CREATE INDEX ix_number_tenant_id_carrier_account_id ON number (tenant_id, carrier_account_id);
CREATE INDEX ix_number_tenant_id_agent_id ON number (tenant_id, agent_id);
UPDATE number SET id = 'num_' || substr(did, 2) WHERE id = did;

CREATE TABLE placement (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    number_id TEXT NOT NULL,
    call_id TEXT,
    carrier_call TEXT,
    placed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_placement PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_placement_tenant_id_call_id UNIQUE (tenant_id, call_id),
    CONSTRAINT uq_placement_tenant_id_carrier_call UNIQUE (tenant_id, carrier_call),
    CONSTRAINT fk_placement_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);
CREATE INDEX ix_placement_tenant_id_expires_at ON placement (tenant_id, expires_at);

CREATE TABLE refused_call (
    tenant_id TEXT NOT NULL,
    day DATE NOT NULL,
    number_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    count INTEGER NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_refused_call PRIMARY KEY (tenant_id, day, number_id, reason),
    CONSTRAINT fk_refused_call_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);

CREATE TABLE stray_call (
    day DATE NOT NULL,
    did TEXT NOT NULL,
    count INTEGER NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_stray_call PRIMARY KEY (day, did)
);

CREATE INDEX ix_media_token_tenant_id_carrier_call ON media_token (tenant_id, carrier_call);
"""

PLACE = """
CREATE FUNCTION offhook_place(
    a_tenant TEXT, a_id TEXT, a_number TEXT, a_call TEXT, a_carrier_call TEXT, a_now TIMESTAMPTZ, a_until TIMESTAMPTZ
) RETURNS TEXT LANGUAGE plpgsql AS $$
DECLARE
    held placement%ROWTYPE;
    cap INTEGER;
    matches INTEGER;
BEGIN
    -- One at a time for each tenant; each statement below sees what those before have committed.
    PERFORM pg_advisory_xact_lock(hashtextextended('placement:' || a_tenant, 0));
    DELETE FROM placement WHERE tenant_id = a_tenant AND expires_at <= a_now;
    SELECT count(*) INTO matches FROM placement
        WHERE tenant_id = a_tenant AND (call_id = a_call OR carrier_call = a_carrier_call);
    IF matches > 0 THEN
        SELECT * INTO held FROM placement WHERE tenant_id = a_tenant AND (call_id = a_call OR carrier_call = a_carrier_call) LIMIT 1;
        IF matches > 1 OR held.call_id <> a_call OR held.carrier_call <> a_carrier_call THEN
            RETURN 'other';
        END IF;
        UPDATE placement SET call_id = coalesce(call_id, a_call), carrier_call = coalesce(carrier_call, a_carrier_call),
            expires_at = greatest(expires_at, a_until)
            WHERE tenant_id = a_tenant AND id = held.id;
        RETURN 'placed';
    END IF;
    SELECT max_calls INTO cap FROM tenant WHERE id = a_tenant;
    IF (SELECT count(*) FROM placement WHERE tenant_id = a_tenant) >= coalesce(cap, 0) THEN
        RETURN 'tenant_full';
    END IF;
    SELECT max_calls INTO cap FROM number WHERE tenant_id = a_tenant AND id = a_number;
    IF cap IS NOT NULL AND (SELECT count(*) FROM placement WHERE tenant_id = a_tenant AND number_id = a_number) >= cap THEN
        RETURN 'number_full';
    END IF;
    INSERT INTO placement (tenant_id, id, number_id, call_id, carrier_call, placed_at, expires_at)
        VALUES (a_tenant, a_id, a_number, a_call, a_carrier_call, a_now, a_until);
    RETURN 'placed';
END $$;
"""


def upgrade() -> None:
    """Make it."""
    run = op.get_bind().exec_driver_sql
    # The owner of the tables is bound by row-level security too: it may not change a row while that is forced.
    run("ALTER TABLE number NO FORCE ROW LEVEL SECURITY")
    run(SCHEMA)
    run("ALTER TABLE number FORCE ROW LEVEL SECURITY")
    run(PLACE.replace("%", "%%"))
    for table in ("carrier_account", "placement", "refused_call"):
        tenant_table(run, table)
    platform_table(run, "stray_call")
    run("grant select (enabled, carrier_account_id, overflow) on number to offhook_platform")
    # Old rows are swept for all tenants at once; who holds them is not for the directory to read.
    policy(run, "placement", "offhook_platform", "select (expires_at), delete", "true")
    policy(run, "refused_call", "offhook_platform", "select (day), delete", "true")


def downgrade() -> None:
    """There is no way back from many tenants to one."""
    raise NotImplementedError("0006 cannot be undone: restore the backup that was made before it")
