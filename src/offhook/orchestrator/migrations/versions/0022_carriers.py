"""Accounts with more carriers, calls placed there, and self-tests of their numbers."""

from alembic import op

from offhook.orchestrator.migrations.tenancy import policy, tenant_table

revision = "0022"
down_revision = "0021"

SCHEMA = """
ALTER TABLE carrier_account ADD COLUMN settings JSONB DEFAULT '{}' NOT NULL;
ALTER TABLE carrier_account DROP CONSTRAINT carrier_account_kind_check;
ALTER TABLE carrier_account ADD CONSTRAINT carrier_account_kind_check
    CHECK (kind IN ('twilio', 'signalwire', 'telnyx', 'plivo', 'vonage'));
ALTER TABLE carrier_account DROP CONSTRAINT carrier_account_api_key;
ALTER TABLE carrier_account ADD CONSTRAINT carrier_account_api_key
    CHECK (api_key_sid IS NULL OR api_key_secret IS NOT NULL);

CREATE TABLE carrier_leg (
    tenant_id TEXT NOT NULL,
    key TEXT NOT NULL,
    account_id TEXT NOT NULL,
    to_number TEXT NOT NULL,
    caller_id TEXT NOT NULL,
    carrier_call TEXT,
    begun_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_carrier_leg PRIMARY KEY (tenant_id, key),
    CONSTRAINT fk_carrier_leg_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);
CREATE UNIQUE INDEX ix_carrier_leg_tenant_id_account_id_carrier_call ON carrier_leg (tenant_id, account_id, carrier_call)
    WHERE carrier_call IS NOT NULL;
CREATE INDEX ix_carrier_leg_begun_at ON carrier_leg (begun_at);

CREATE TABLE carrier_number_check (
    tenant_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    carrier_number TEXT NOT NULL,
    did TEXT NOT NULL,
    state TEXT NOT NULL CONSTRAINT ck_carrier_number_check_state CHECK (state IN ('ringing', 'rang', 'set', 'failed')),
    fault TEXT DEFAULT '' NOT NULL,
    call_from TEXT DEFAULT '' NOT NULL,
    checked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    rang_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_carrier_number_check PRIMARY KEY (tenant_id, account_id, carrier_number),
    CONSTRAINT fk_carrier_number_check_tenant_id_account_id
        FOREIGN KEY(tenant_id, account_id) REFERENCES carrier_account (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_carrier_number_check_tenant_id_did ON carrier_number_check (tenant_id, did);
"""


def upgrade() -> None:
    """Make it."""
    run = op.get_bind().exec_driver_sql
    run(SCHEMA)
    for table in ("carrier_leg", "carrier_number_check"):
        tenant_table(run, table)
    # The sweep goes through all tenants and sees when attempts began, nothing of whom they rang.
    policy(run, "carrier_leg", "offhook_platform", "select (begun_at), delete", "true")


def downgrade() -> None:
    """Data would be lost."""
    raise NotImplementedError("0022 cannot be undone: restore the backup that was made before it")
