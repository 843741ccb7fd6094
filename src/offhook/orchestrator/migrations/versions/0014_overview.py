"""What is counted of each tenant for those who look after many, and who is looking at a tenant as one of its agency; a reseller's
pictures.
"""

from alembic import op

from offhook.orchestrator.migrations.tenancy import RESELLER, platform_reads, platform_table, policy, reseller_table, tenant_table

revision = "0014"
down_revision = "0013"

SCHEMA = """
CREATE TABLE tenant_hour (
    tenant_id TEXT NOT NULL,
    hour TIMESTAMP WITH TIME ZONE NOT NULL,
    calls INTEGER NOT NULL,
    booked INTEGER NOT NULL,
    leads INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    seconds DOUBLE PRECISION NOT NULL,
    replies INTEGER[] NOT NULL,
    CONSTRAINT pk_tenant_hour PRIMARY KEY (tenant_id, hour),
    CONSTRAINT fk_tenant_hour_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);
CREATE INDEX ix_tenant_hour_hour ON tenant_hour (hour);

CREATE TABLE tenant_pulse (
    tenant_id TEXT NOT NULL,
    shift INTEGER NOT NULL,
    counted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    counted_from TIMESTAMP WITH TIME ZONE NOT NULL,
    days INTEGER[] NOT NULL,
    booked INTEGER NOT NULL,
    today_booked INTEGER NOT NULL,
    today_failed INTEGER NOT NULL,
    today_replies INTEGER[] NOT NULL,
    seconds DOUBLE PRECISION NOT NULL,
    nine_in_ten INTEGER,
    live INTEGER NOT NULL,
    worst INTEGER NOT NULL,
    problems JSONB NOT NULL,
    CONSTRAINT pk_tenant_pulse PRIMARY KEY (tenant_id),
    CONSTRAINT fk_tenant_pulse_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);

CREATE TABLE open_as (
    session_id TEXT NOT NULL,
    person_id TEXT NOT NULL,
    person_name TEXT NOT NULL,
    tenant_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    writes BOOLEAN NOT NULL,
    began_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_open_as PRIMARY KEY (session_id),
    CONSTRAINT fk_open_as_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);
CREATE INDEX ix_open_as_tenant_id ON open_as (tenant_id);
CREATE INDEX ix_open_as_ends_at ON open_as (ends_at);

CREATE TABLE reseller_picture (
    reseller_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('light', 'dark', 'icon')),
    media_type TEXT NOT NULL CHECK (media_type IN ('image/svg+xml', 'image/png')),
    body BYTEA NOT NULL,
    version TEXT NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_reseller_picture PRIMARY KEY (reseller_id, kind),
    CONSTRAINT fk_reseller_picture_reseller_id FOREIGN KEY(reseller_id) REFERENCES reseller (id) ON DELETE CASCADE
);
"""
MINE = f"tenant_id in (select id from tenant where {RESELLER})"  # noqa: S608 - made of our own words


def upgrade() -> None:
    """Make it."""
    run = op.get_bind().exec_driver_sql
    run(SCHEMA)
    for table in ("tenant_hour", "tenant_pulse"):
        tenant_table(run, table)
        policy(run, table, "offhook_reseller", "select", MINE)
    platform_reads(run, "tenant_pulse", "tenant_id, counted_at")
    platform_table(run, "open_as")
    reseller_table(run, "reseller_picture")
    policy(run, "reseller_picture", "offhook_platform", "select", "true")


def downgrade() -> None:
    """Undo it; what was counted is counted anew, pictures are gone."""
    run = op.get_bind().exec_driver_sql
    for table in ("reseller_picture", "open_as", "tenant_pulse", "tenant_hour"):
        run(f"DROP TABLE {table}")
