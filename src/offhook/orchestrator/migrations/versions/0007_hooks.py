"""Webhooks to customers: endpoints, events, their deliveries, and what was tried."""

from alembic import op

from offhook.orchestrator.migrations.tenancy import platform_reads, policy, tenant_table

revision = "0007"
down_revision = "0006"

SCHEMA = """
CREATE TABLE webhook_endpoint (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    url TEXT NOT NULL,
    description TEXT DEFAULT '' NOT NULL,
    event_types TEXT[],
    enabled BOOLEAN DEFAULT 'true' NOT NULL,
    disabled_reason TEXT CHECK (disabled_reason IN ('hand', 'failing', 'gone')),
    disabled_at TIMESTAMP WITH TIME ZONE,
    secret BYTEA NOT NULL,
    old_secret BYTEA,
    old_secret_until TIMESTAMP WITH TIME ZONE,
    revision INTEGER DEFAULT '1' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_webhook_endpoint PRIMARY KEY (tenant_id, id),
    CONSTRAINT webhook_endpoint_disabled CHECK (enabled = (disabled_reason IS NULL) AND enabled = (disabled_at IS NULL)),
    CONSTRAINT webhook_endpoint_old_secret CHECK ((old_secret IS NULL) = (old_secret_until IS NULL)),
    CONSTRAINT fk_webhook_endpoint_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);
CREATE INDEX ix_webhook_endpoint_tenant_id_created_at_id ON webhook_endpoint (tenant_id, created_at, id);

CREATE TABLE webhook_queue (
    tenant_id TEXT NOT NULL,
    endpoint_id TEXT NOT NULL,
    runner TEXT,
    leased_until TIMESTAMP WITH TIME ZONE,
    wake_at TIMESTAMP WITH TIME ZONE,
    paused_until TIMESTAMP WITH TIME ZONE,
    failing_since TIMESTAMP WITH TIME ZONE,
    failed_at TIMESTAMP WITH TIME ZONE,
    succeeded_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_webhook_queue PRIMARY KEY (tenant_id, endpoint_id),
    CONSTRAINT fk_webhook_queue_tenant_id_endpoint_id FOREIGN KEY(tenant_id, endpoint_id)
        REFERENCES webhook_endpoint (tenant_id, id) ON DELETE CASCADE
);

CREATE TABLE webhook_event (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    seq BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    data JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_webhook_event PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_webhook_event_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);
CREATE INDEX ix_webhook_event_tenant_id_at_id ON webhook_event (tenant_id, at, id);
CREATE INDEX ix_webhook_event_tenant_id_subject ON webhook_event (tenant_id, subject);
CREATE INDEX ix_webhook_event_at ON webhook_event (at);

CREATE TABLE webhook_delivery (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    endpoint_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'succeeded', 'failed')),
    tries INTEGER DEFAULT '0' NOT NULL,
    attempts INTEGER DEFAULT '0' NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE,
    done_at TIMESTAMP WITH TIME ZONE,
    last_status INTEGER,
    last_error TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_webhook_delivery PRIMARY KEY (tenant_id, id),
    CONSTRAINT uq_webhook_delivery_tenant_id_endpoint_id_event_id UNIQUE (tenant_id, endpoint_id, event_id),
    CONSTRAINT webhook_delivery_waits CHECK ((state = 'waiting') = (next_at IS NOT NULL)),
    CONSTRAINT fk_webhook_delivery_tenant_id_endpoint_id FOREIGN KEY(tenant_id, endpoint_id)
        REFERENCES webhook_endpoint (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT fk_webhook_delivery_tenant_id_event_id FOREIGN KEY(tenant_id, event_id)
        REFERENCES webhook_event (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_webhook_delivery_tenant_id_endpoint_id_created_at_id ON webhook_delivery (tenant_id, endpoint_id, created_at, id);
CREATE INDEX ix_webhook_delivery_tenant_id_event_id ON webhook_delivery (tenant_id, event_id);
CREATE INDEX webhook_delivery_order ON webhook_delivery (tenant_id, endpoint_id, subject, seq) WHERE state = 'waiting';
CREATE INDEX webhook_delivery_failed ON webhook_delivery (tenant_id, endpoint_id, created_at, id) WHERE state = 'failed';
CREATE INDEX webhook_delivery_due ON webhook_delivery (next_at, tenant_id, endpoint_id) WHERE state = 'waiting';

CREATE TABLE webhook_attempt (
    tenant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    delivery_id TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    ms INTEGER NOT NULL,
    status INTEGER,
    error TEXT,
    message TEXT NOT NULL,
    response TEXT NOT NULL,
    CONSTRAINT pk_webhook_attempt PRIMARY KEY (tenant_id, id),
    CONSTRAINT fk_webhook_attempt_tenant_id_delivery_id FOREIGN KEY(tenant_id, delivery_id)
        REFERENCES webhook_delivery (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_webhook_attempt_tenant_id_delivery_id_at_id ON webhook_attempt (tenant_id, delivery_id, at, id);
"""


def upgrade() -> None:
    """Make it."""
    run = op.get_bind().exec_driver_sql
    run(SCHEMA)
    for table in ("webhook_endpoint", "webhook_queue", "webhook_event", "webhook_delivery", "webhook_attempt"):
        tenant_table(run, table)
    # Which queues have something to send is found for all tenants at once; what it is is not for the directory to read.
    platform_reads(run, "webhook_endpoint", "tenant_id, id, enabled")
    platform_reads(run, "webhook_queue", "tenant_id, endpoint_id, leased_until, paused_until")
    platform_reads(run, "webhook_delivery", "tenant_id, endpoint_id, state, next_at")
    policy(run, "webhook_event", "offhook_platform", "select (at), delete", "true")


def downgrade() -> None:
    """Undo it."""
    run = op.get_bind().exec_driver_sql
    run("DROP TABLE webhook_attempt, webhook_delivery, webhook_event, webhook_queue, webhook_endpoint")
