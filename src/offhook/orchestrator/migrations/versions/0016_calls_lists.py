"""Finding the calls in which somebody waited long, and lists of calls that a person has kept."""

from alembic import op

from offhook.orchestrator.migrations.tenancy import tenant_table

revision = "0016"
down_revision = "0015"

SLOWEST = """
ALTER TABLE call ADD COLUMN slowest_ms DOUBLE PRECISION;
UPDATE call SET slowest_ms = found.slowest FROM (
    SELECT tenant_id, call_id, max((body->'ladder'->>'total')::double precision) AS slowest
    FROM call_event WHERE type = 'turn.agent' GROUP BY tenant_id, call_id
) found WHERE found.tenant_id = call.tenant_id AND found.call_id = call.id AND found.slowest IS NOT NULL;
CREATE INDEX ix_call_slow ON call (tenant_id, at, id) WHERE slowest_ms > 700;
"""
VIEWS = """
CREATE TABLE call_view (
    tenant_id TEXT NOT NULL,
    person_id TEXT NOT NULL,
    name TEXT NOT NULL,
    asked JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_call_view PRIMARY KEY (tenant_id, person_id, name),
    CONSTRAINT fk_call_view_tenant_id FOREIGN KEY(tenant_id) REFERENCES tenant (id),
    CONSTRAINT fk_call_view_person_id FOREIGN KEY(person_id) REFERENCES person (id) ON DELETE CASCADE
);
CREATE INDEX ix_call_view_person_id ON call_view (person_id);
"""
FORCED = ("call", "call_event")


def upgrade() -> None:
    """Make it."""
    run = op.get_bind().exec_driver_sql
    # The owner of the tables is bound by row-level security too: it may not change a row while that is forced.
    for table in FORCED:
        run(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    run(SLOWEST)
    for table in FORCED:
        run(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    run(VIEWS)
    tenant_table(run, "call_view")


def downgrade() -> None:
    """The calls' events still say how long was waited; the lists that were kept are gone."""
    run = op.get_bind().exec_driver_sql
    run("DROP TABLE call_view")
    run("DROP INDEX ix_call_slow")
    run("ALTER TABLE call DROP COLUMN slowest_ms")
