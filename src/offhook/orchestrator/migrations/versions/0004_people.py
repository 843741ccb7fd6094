"""People, where they are members, their sessions, invitations, one-time codes, sign-in by OpenID Connect, and mail to send."""

from alembic import op

from offhook.orchestrator.migrations.tenancy import ALL, RESELLER, TENANT, platform_table, policy

revision = "0004"
down_revision = "0003"

SCHEMA = """
CREATE TABLE oidc_provider (
    id TEXT NOT NULL,
    level TEXT NOT NULL,
    reseller_id TEXT,
    tenant_id TEXT,
    name TEXT NOT NULL,
    issuer TEXT NOT NULL,
    client_id TEXT NOT NULL,
    client_secret BYTEA NOT NULL,
    domains JSONB NOT NULL,
    default_role TEXT,
    enabled BOOLEAN NOT NULL,
    revision INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_oidc_provider PRIMARY KEY (id),
    CONSTRAINT oidc_provider_owner CHECK (
        level IN ('reseller', 'tenant')
        AND (level = 'tenant') = (tenant_id IS NOT NULL) AND (level = 'reseller') = (reseller_id IS NOT NULL)
    ),
    CONSTRAINT oidc_provider_role CHECK (
        (level = 'tenant' AND default_role IN ('tenant_admin', 'agent_editor', 'viewer'))
        OR (level = 'reseller' AND default_role = 'reseller_support')
        OR default_role IS NULL
    ),
    CONSTRAINT fk_oidc_provider_reseller_id FOREIGN KEY(reseller_id) REFERENCES reseller (id),
    CONSTRAINT fk_oidc_provider_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);
CREATE INDEX ix_oidc_provider_tenant_id_id ON oidc_provider (tenant_id, id);
CREATE INDEX ix_oidc_provider_reseller_id_id ON oidc_provider (reseller_id, id);

CREATE TABLE person (
    id TEXT NOT NULL,
    provider_id TEXT,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    password_hash TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    signed_in_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_person PRIMARY KEY (id),
    CONSTRAINT person_email CHECK (email = lower(email)),
    CONSTRAINT person_password CHECK (provider_id IS NULL OR password_hash IS NULL),
    CONSTRAINT fk_person_provider_id FOREIGN KEY(provider_id) REFERENCES oidc_provider (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX uq_person_email ON person (email) WHERE provider_id IS NULL;
CREATE UNIQUE INDEX uq_person_provider_id_email ON person (provider_id, email) WHERE provider_id IS NOT NULL;

CREATE TABLE membership (
    id TEXT NOT NULL,
    person_id TEXT NOT NULL,
    level TEXT NOT NULL,
    reseller_id TEXT,
    tenant_id TEXT,
    role TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    CONSTRAINT pk_membership PRIMARY KEY (id),
    CONSTRAINT membership_owner CHECK ((level = 'tenant') = (tenant_id IS NOT NULL) AND (level = 'reseller') = (reseller_id IS NOT NULL)),
    CONSTRAINT membership_role CHECK (
        (level = 'platform' AND role = 'platform_admin')
        OR (level = 'reseller' AND role IN ('reseller_admin', 'reseller_support'))
        OR (level = 'tenant' AND role IN ('tenant_owner', 'tenant_admin', 'agent_editor', 'viewer'))
    ),
    CONSTRAINT fk_membership_person_id FOREIGN KEY(person_id) REFERENCES person (id) ON DELETE CASCADE,
    CONSTRAINT fk_membership_reseller_id FOREIGN KEY(reseller_id) REFERENCES reseller (id),
    CONSTRAINT fk_membership_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);
CREATE UNIQUE INDEX uq_membership_tenant_id_person_id ON membership (tenant_id, person_id) WHERE level = 'tenant';
CREATE UNIQUE INDEX uq_membership_reseller_id_person_id ON membership (reseller_id, person_id) WHERE level = 'reseller';
CREATE UNIQUE INDEX uq_membership_platform ON membership (person_id) WHERE level = 'platform';
CREATE INDEX ix_membership_person_id ON membership (person_id);
CREATE INDEX ix_membership_tenant_id_id ON membership (tenant_id, id);
CREATE INDEX ix_membership_reseller_id_id ON membership (reseller_id, id);

CREATE TABLE session (
    id TEXT NOT NULL,
    token_hash BYTEA NOT NULL,
    person_id TEXT NOT NULL,
    provider_id TEXT,
    host TEXT NOT NULL,
    ip TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_session PRIMARY KEY (id),
    CONSTRAINT uq_session_token_hash UNIQUE (token_hash),
    CONSTRAINT fk_session_person_id FOREIGN KEY(person_id) REFERENCES person (id) ON DELETE CASCADE,
    CONSTRAINT fk_session_provider_id FOREIGN KEY(provider_id) REFERENCES oidc_provider (id) ON DELETE CASCADE
);
CREATE INDEX ix_session_person_id ON session (person_id);
CREATE INDEX ix_session_provider_id ON session (provider_id);
CREATE INDEX ix_session_last_seen_at ON session (last_seen_at);

CREATE TABLE invitation (
    id TEXT NOT NULL,
    token_hash BYTEA NOT NULL,
    level TEXT NOT NULL,
    reseller_id TEXT,
    tenant_id TEXT,
    email TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    created_by_name TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_invitation PRIMARY KEY (id),
    CONSTRAINT uq_invitation_token_hash UNIQUE (token_hash),
    CONSTRAINT invitation_owner CHECK ((level = 'tenant') = (tenant_id IS NOT NULL) AND (level = 'reseller') = (reseller_id IS NOT NULL)),
    CONSTRAINT fk_invitation_reseller_id FOREIGN KEY(reseller_id) REFERENCES reseller (id),
    CONSTRAINT fk_invitation_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);
CREATE INDEX ix_invitation_tenant_id_id ON invitation (tenant_id, id);
CREATE INDEX ix_invitation_reseller_id_id ON invitation (reseller_id, id);
CREATE INDEX ix_invitation_expires_at ON invitation (expires_at);

CREATE TABLE ticket (
    token_hash BYTEA NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('setup', 'reset')),
    person_id TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_ticket PRIMARY KEY (token_hash),
    CONSTRAINT ticket_person CHECK ((kind = 'reset') = (person_id IS NOT NULL)),
    CONSTRAINT fk_ticket_person_id FOREIGN KEY(person_id) REFERENCES person (id) ON DELETE CASCADE
);
CREATE INDEX ix_ticket_person_id ON ticket (person_id);

CREATE TABLE totp (
    person_id TEXT NOT NULL,
    secret BYTEA NOT NULL,
    confirmed_at TIMESTAMP WITH TIME ZONE,
    last_step INTEGER NOT NULL,
    recovery JSONB NOT NULL,
    CONSTRAINT pk_totp PRIMARY KEY (person_id),
    CONSTRAINT fk_totp_person_id FOREIGN KEY(person_id) REFERENCES person (id) ON DELETE CASCADE
);

CREATE TABLE identity (
    provider_id TEXT NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    person_id TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_identity PRIMARY KEY (provider_id, issuer, subject),
    CONSTRAINT fk_identity_provider_id FOREIGN KEY(provider_id) REFERENCES oidc_provider (id) ON DELETE CASCADE,
    CONSTRAINT fk_identity_person_id FOREIGN KEY(person_id) REFERENCES person (id) ON DELETE CASCADE
);
CREATE INDEX ix_identity_person_id ON identity (person_id);

CREATE TABLE oidc_used (
    state_hash BYTEA NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_oidc_used PRIMARY KEY (state_hash)
);

CREATE TABLE mail (
    id TEXT NOT NULL,
    tenant_id TEXT,
    kind TEXT NOT NULL CHECK (kind IN ('text', 'reset')),
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    secret_text TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_mail PRIMARY KEY (id),
    CONSTRAINT fk_mail_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id)
);
CREATE INDEX ix_mail_tenant_id ON mail (tenant_id);
"""
MEMBER = "exists (select from membership m where m.person_id = person.id and m."
"""A person is known to those whose member they are, by name and address; the condition is itself read under row-level security."""


def upgrade() -> None:
    """Make it."""
    run = op.get_bind().exec_driver_sql
    run(SCHEMA)
    for table in ("person", "membership", "session", "invitation", "ticket", "totp", "identity", "oidc_used", "mail"):
        platform_table(run, table)
    for role, own in (("offhook_tenant", TENANT), ("offhook_reseller", RESELLER)):
        policy(run, "person", role, "select (id, provider_id, email, name)", f"{MEMBER}{own})")
        policy(run, "membership", role, "select, update (role), delete", own)
        policy(run, "invitation", role, ALL, own)
    # Whose provider it is, is the directory's business; its secret is not.
    platform_table(
        run,
        "oidc_provider",
        rights="select (id, level, reseller_id, tenant_id, name, issuer, client_id, domains, default_role, enabled, revision)",
    )
    policy(run, "oidc_provider", "offhook_tenant", ALL, TENANT)
    policy(run, "oidc_provider", "offhook_reseller", ALL, RESELLER)
    policy(run, "mail", "offhook_tenant", "select, insert, delete", TENANT)
    policy(run, "mail", "offhook_reseller", "insert", "tenant_id is null")


def downgrade() -> None:
    """Nobody could sign in any more."""
    raise NotImplementedError("0004 cannot be undone: restore the backup that was made before it")
