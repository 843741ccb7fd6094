"""Callers are put through at carriers besides Twilio, and messages that carriers recorded are fetched."""

from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Make it."""
    run = op.get_bind().exec_driver_sql
    run("ALTER TABLE transfer ADD COLUMN carrier TEXT DEFAULT 'twilio' NOT NULL")


def downgrade() -> None:
    """Data would be lost."""
    raise NotImplementedError("0028 cannot be undone: restore the backup that was made before it")
