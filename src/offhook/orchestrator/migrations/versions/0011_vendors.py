"""Accounts with vendors of speech and language models: tenants' own, and those that resellers lend to their tenants."""

from alembic import op

from offhook.orchestrator.migrations.tenancy import policy, reseller_table, tenant_table

revision = "0011"
down_revision = "0010"

COLUMNS = """
    vendor TEXT NOT NULL,
    api_key BYTEA,
    api_key_end TEXT,
    base_url TEXT,
    region TEXT,
    revision INTEGER DEFAULT 1 NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
"""
SCHEMA = f"""
CREATE TABLE vendor_account (
    tenant_id TEXT NOT NULL,{COLUMNS}
    CONSTRAINT pk_vendor_account PRIMARY KEY (tenant_id, vendor),
    CONSTRAINT fk_vendor_account_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);
CREATE TABLE reseller_vendor_account (
    reseller_id TEXT NOT NULL,{COLUMNS}
    CONSTRAINT pk_reseller_vendor_account PRIMARY KEY (reseller_id, vendor),
    CONSTRAINT fk_reseller_vendor_account_reseller_id FOREIGN KEY(reseller_id) REFERENCES reseller (id) ON DELETE CASCADE
);
"""


def upgrade() -> None:
    """Make it."""
    run = op.get_bind().exec_driver_sql
    run(SCHEMA)
    tenant_table(run, "vendor_account")
    reseller_table(run, "reseller_vendor_account")
    # The platform's key seals a reseller's, so it is the directory that opens them, for calls of the reseller's tenants.
    policy(run, "reseller_vendor_account", "offhook_platform", "select (reseller_id, vendor, api_key, base_url, region)", "true")
    # A tenant may know what its reseller lends it; neither address nor key.
    lender = "reseller_id = (select t.reseller_id from tenant t where t.id = current_setting('offhook.tenant', true))"
    policy(run, "reseller_vendor_account", "offhook_tenant", "select (reseller_id, vendor, region)", lender)


def downgrade() -> None:
    """The keys would be lost."""
    raise NotImplementedError("0011 cannot be undone: restore the backup that was made before it")
