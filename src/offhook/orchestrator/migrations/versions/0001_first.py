"""The first schema: tenants, calls, CRM, bookings, tools, and the job queue's tables."""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0001"
down_revision = None

SCHEMA = """
create extension if not exists btree_gist;

CREATE TABLE tenant (
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    timezone TEXT NOT NULL,
    region TEXT NOT NULL,
    locale TEXT NOT NULL,
    fallback_number TEXT,
    suspended BOOLEAN DEFAULT 'false' NOT NULL,
    diary JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_tenant PRIMARY KEY (id)
);

CREATE TABLE agent (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    script JSONB NOT NULL,
    voice TEXT NOT NULL,
    turn JSONB NOT NULL,
    lines JSONB NOT NULL,
    hours JSONB NOT NULL,
    knowledge JSONB NOT NULL,
    transfer_to JSONB NOT NULL,
    tools JSONB NOT NULL,
    CONSTRAINT pk_agent PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_agent_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);

CREATE TABLE customer (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    phone TEXT,
    name TEXT DEFAULT '' NOT NULL,
    address TEXT DEFAULT '' NOT NULL,
    email TEXT DEFAULT '' NOT NULL,
    no_calls BOOLEAN DEFAULT 'false' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_customer PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_customer_tenant_id_phone UNIQUE (tenant_id, phone),
    CONSTRAINT fk_customer_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);

CREATE TABLE media_token (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    carrier_call TEXT NOT NULL,
    did TEXT NOT NULL,
    caller TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_by TEXT,
    CONSTRAINT pk_media_token PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_media_token_id UNIQUE (id),
    CONSTRAINT fk_media_token_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);

CREATE INDEX ix_media_token_expires_at ON media_token (expires_at);

CREATE TABLE tool_run (
    tenant_id TEXT NOT NULL,
    key TEXT NOT NULL,
    call_id TEXT NOT NULL,
    tool TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    answer JSONB,
    ran_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_tool_run PRIMARY KEY (tenant_id, key),
    CONSTRAINT fk_tool_run_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);

CREATE TABLE appointment (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    ref TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    staff TEXT NOT NULL,
    starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status TEXT DEFAULT 'booked' NOT NULL,
    name TEXT DEFAULT '' NOT NULL,
    address TEXT DEFAULT '' NOT NULL,
    problem TEXT DEFAULT '' NOT NULL,
    extras JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_appointment PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_appointment_tenant_id_ref UNIQUE (tenant_id, ref),
    CONSTRAINT appointment_lasts CHECK (starts_at < ends_at),
    CONSTRAINT fk_appointment_tenant_id_customer_id FOREIGN KEY(tenant_id, customer_id) REFERENCES customer (tenant_id, id),
    CONSTRAINT appointment_no_overlap EXCLUDE USING gist (
        tenant_id WITH =, staff WITH =, tstzrange(starts_at, ends_at) WITH &&) WHERE (status = 'booked')
);

CREATE INDEX ix_appointment_tenant_id_starts_at ON appointment (tenant_id, starts_at);

CREATE TABLE call (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    transport TEXT DEFAULT '' NOT NULL,
    carrier_call TEXT DEFAULT '' NOT NULL,
    did TEXT DEFAULT '' NOT NULL,
    caller TEXT DEFAULT '' NOT NULL,
    state TEXT DEFAULT 'planned' NOT NULL,
    planned_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    last_seq INTEGER,
    reason TEXT,
    outcome TEXT,
    seconds DOUBLE PRECISION,
    CONSTRAINT pk_call PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_call_id UNIQUE (id),
    CONSTRAINT fk_call_tenant_id_agent_id FOREIGN KEY(tenant_id, agent_id) REFERENCES agent (tenant_id, id)
);

CREATE INDEX ix_call_carrier_call ON call (carrier_call);

CREATE INDEX ix_call_tenant_id_planned_at ON call (tenant_id, planned_at);

CREATE TABLE lead (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    status TEXT NOT NULL,
    problem TEXT DEFAULT '' NOT NULL,
    extras JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_lead PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_lead_tenant_id_call_id UNIQUE (tenant_id, call_id),
    CONSTRAINT fk_lead_tenant_id_customer_id FOREIGN KEY(tenant_id, customer_id) REFERENCES customer (tenant_id, id)
);

CREATE TABLE message (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    note TEXT DEFAULT '' NOT NULL,
    due TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_message PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_message_tenant_id_customer_id FOREIGN KEY(tenant_id, customer_id) REFERENCES customer (tenant_id, id)
);

CREATE TABLE number (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    did TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    CONSTRAINT pk_number PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_number_did UNIQUE (did),
    CONSTRAINT fk_number_tenant_id_agent_id FOREIGN KEY(tenant_id, agent_id) REFERENCES agent (tenant_id, id)
);

CREATE TABLE call_event (
    tenant_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    type TEXT NOT NULL,
    body JSONB NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_call_event PRIMARY KEY (tenant_id, call_id, id),
    CONSTRAINT uq_call_event_tenant_id_call_id_seq UNIQUE (tenant_id, call_id, seq),
    CONSTRAINT fk_call_event_tenant_id_call_id FOREIGN KEY(tenant_id, call_id) REFERENCES call (tenant_id, id)
);

CREATE TABLE call_result (
    tenant_id TEXT NOT NULL,
    call_id TEXT NOT NULL,
    result JSONB NOT NULL,
    missing INTEGER DEFAULT '0' NOT NULL,
    written_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_call_result PRIMARY KEY (tenant_id, call_id),
    CONSTRAINT fk_call_result_tenant_id_call_id FOREIGN KEY(tenant_id, call_id) REFERENCES call (tenant_id, id)
);
"""

TABLES = (
    "call_result",
    "call_event",
    "number",
    "message",
    "lead",
    "call",
    "appointment",
    "tool_run",
    "media_token",
    "customer",
    "agent",
    "tenant",
)


def upgrade() -> None:
    """Make everything."""
    run = op.get_bind().exec_driver_sql
    run(SCHEMA)
    run(SchemaManager.get_schema().replace("%", "%%"))


def downgrade() -> None:
    """Drop what is ours; the job queue's tables stay."""
    for table in TABLES:
        op.drop_table(table)
