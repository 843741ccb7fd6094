"""Where a call's spans are: the id of its trace, as its engine says."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make it. No engine had told one before."""
    op.get_bind().exec_driver_sql("ALTER TABLE call ADD COLUMN trace_id TEXT DEFAULT '' NOT NULL")


def downgrade() -> None:
    """The calls' events still say it."""
    op.get_bind().exec_driver_sql("ALTER TABLE call DROP COLUMN trace_id")
