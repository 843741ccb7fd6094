"""What is done where a machine answers a call that we place."""

from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Calls that were made before do what the settings say."""
    op.execute("ALTER TABLE outgoing_call ADD COLUMN on_machine TEXT DEFAULT '' NOT NULL")


def downgrade() -> None:
    """Data would be lost."""
    raise NotImplementedError("0029 cannot be undone: restore the backup that was made before it")
