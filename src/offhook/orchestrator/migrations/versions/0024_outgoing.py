"""Calls that we place, and what limits them."""

from alembic import op

from offhook.orchestrator.migrations.tenancy import platform_reads, policy, tenant_table

revision = "0024"
down_revision = "0023"

SCHEMA = """
CREATE TABLE toll_limit (
    tenant_id TEXT NOT NULL,
    countries JSONB DEFAULT '[]' NOT NULL,
    hosts JSONB DEFAULT '[]' NOT NULL,
    at_once INTEGER DEFAULT 5 NOT NULL,
    per_minute INTEGER DEFAULT 10 NOT NULL,
    minutes_per_hour INTEGER DEFAULT 120 NOT NULL,
    spend_per_hour INTEGER DEFAULT 1000 NOT NULL,
    max_minutes INTEGER DEFAULT 30 NOT NULL,
    price_home INTEGER DEFAULT 2 NOT NULL,
    price_abroad INTEGER DEFAULT 25 NOT NULL,
    suspended_at TIMESTAMP WITH TIME ZONE,
    suspended_why TEXT DEFAULT '' NOT NULL,
    revision INTEGER DEFAULT 1 NOT NULL,
    CONSTRAINT pk_toll_limit PRIMARY KEY (tenant_id),
    CONSTRAINT fk_toll_limit_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);
CREATE TABLE toll_call (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    prefix TEXT NOT NULL,
    price INTEGER NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_toll_call PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_toll_call_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);
CREATE INDEX ix_toll_call_tenant_id_started_at ON toll_call (tenant_id, started_at);
CREATE INDEX ix_toll_call_tenant_id_prefix_started_at ON toll_call (tenant_id, prefix, started_at);
CREATE TABLE toll_refusal (
    tenant_id TEXT NOT NULL,
    day DATE NOT NULL,
    purpose TEXT NOT NULL,
    reason TEXT NOT NULL,
    count INTEGER NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_toll_refusal PRIMARY KEY (tenant_id, day, purpose, reason),
    CONSTRAINT fk_toll_refusal_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);

CREATE TABLE outgoing_call (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    "to" TEXT NOT NULL,
    did TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    number_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    about TEXT DEFAULT '' NOT NULL,
    contact_id TEXT,
    lead_id TEXT,
    appointment_id TEXT,
    once TEXT,
    state TEXT NOT NULL CONSTRAINT ck_outgoing_call_state
        CHECK (state IN ('waiting', 'dialling', 'ringing', 'answered', 'done', 'failed', 'refused', 'cancelled')),
    reason TEXT DEFAULT '' NOT NULL,
    consent TEXT DEFAULT '' NOT NULL,
    not_before TIMESTAMP WITH TIME ZONE,
    not_after TIMESTAMP WITH TIME ZONE,
    attempts INTEGER DEFAULT 0 NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE,
    carrier_call TEXT DEFAULT '' NOT NULL,
    answered_by TEXT DEFAULT '' NOT NULL,
    call_id TEXT,
    by TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_outgoing_call PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_outgoing_call_tenant_id_agent_id FOREIGN KEY(tenant_id, agent_id) REFERENCES agent (tenant_id, id)
);
CREATE INDEX ix_outgoing_call_tenant_id_created_at_id ON outgoing_call (tenant_id, created_at, id);
CREATE UNIQUE INDEX ix_outgoing_call_tenant_id_once ON outgoing_call (tenant_id, once) WHERE once IS NOT NULL;
CREATE INDEX ix_outgoing_call_tenant_id_carrier_call ON outgoing_call (tenant_id, carrier_call);
CREATE INDEX ix_outgoing_call_next_at ON outgoing_call (next_at) WHERE next_at IS NOT NULL;
CREATE TABLE outgoing_attempt (
    tenant_id TEXT NOT NULL,
    outgoing_id TEXT NOT NULL,
    n INTEGER NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    carrier_call TEXT DEFAULT '' NOT NULL,
    result TEXT DEFAULT '' NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_outgoing_attempt PRIMARY KEY (tenant_id, outgoing_id, n),
    CONSTRAINT fk_outgoing_attempt_tenant_id_outgoing_id
        FOREIGN KEY(tenant_id, outgoing_id) REFERENCES outgoing_call (tenant_id, id) ON DELETE CASCADE
);
CREATE TABLE outgoing_setting (
    tenant_id TEXT NOT NULL,
    opens INTEGER DEFAULT 540 NOT NULL,
    closes INTEGER DEFAULT 1200 NOT NULL,
    days JSONB DEFAULT '[0, 1, 2, 3, 4, 5, 6]' NOT NULL,
    consent_for JSONB DEFAULT '["reminder", "call-back", "other"]' NOT NULL,
    attempts INTEGER DEFAULT 2 NOT NULL,
    gap_minutes INTEGER DEFAULT 30 NOT NULL,
    voicemail TEXT DEFAULT '' NOT NULL,
    reminder_hours INTEGER,
    reminder_agent TEXT,
    revision INTEGER DEFAULT 1 NOT NULL,
    CONSTRAINT pk_outgoing_setting PRIMARY KEY (tenant_id),
    CONSTRAINT fk_outgoing_setting_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);
CREATE TABLE call_consent (
    tenant_id TEXT NOT NULL,
    phone TEXT NOT NULL,
    how TEXT NOT NULL,
    given_at TIMESTAMP WITH TIME ZONE NOT NULL,
    by TEXT NOT NULL,
    CONSTRAINT pk_call_consent PRIMARY KEY (tenant_id, phone),
    CONSTRAINT fk_call_consent_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);
CREATE TABLE do_not_call (
    tenant_id TEXT NOT NULL,
    phone TEXT NOT NULL,
    why TEXT DEFAULT '' NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    by TEXT NOT NULL,
    CONSTRAINT pk_do_not_call PRIMARY KEY (tenant_id, phone),
    CONSTRAINT fk_do_not_call_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);
"""


def upgrade() -> None:
    """Make it."""
    run = op.get_bind().exec_driver_sql
    run(SCHEMA)
    for table in (
        "toll_limit", "toll_call", "toll_refusal", "outgoing_call", "outgoing_attempt", "outgoing_setting", "call_consent", "do_not_call",
    ):  # fmt: skip
        tenant_table(run, table)
    # Jobs that go through all tenants ask what is due; nothing of whom it rings.
    policy(run, "outgoing_call", "offhook_platform", "select (tenant_id, id, next_at, ended_at), delete", "true")
    platform_reads(run, "outgoing_setting", "tenant_id, reminder_hours")
    policy(run, "toll_call", "offhook_platform", "select (started_at), delete", "true")
    policy(run, "toll_refusal", "offhook_platform", "select (day), delete", "true")


def downgrade() -> None:
    """Data would be lost."""
    raise NotImplementedError("0024 cannot be undone: restore the backup that was made before it")
