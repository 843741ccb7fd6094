"""People who are rung over a tenant's own trunk, by the engine that has the caller."""

from alembic import op

revision = "0026"
down_revision = "0025"

SCHEMA = """
ALTER TABLE trunk ADD COLUMN transfers TEXT DEFAULT 'bridge' NOT NULL;
ALTER TABLE transfer ADD COLUMN trunk_id TEXT;
ALTER TABLE transfer ADD COLUMN refer BOOLEAN DEFAULT false NOT NULL;
"""


def upgrade() -> None:
    """Add them."""
    op.get_bind().exec_driver_sql(SCHEMA)


def downgrade() -> None:
    """Data would be lost."""
    raise NotImplementedError("0026 cannot be undone: restore the backup that was made before it")
