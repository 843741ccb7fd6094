"""What people add to a call: a flag with its reason, links for others, and what was heard wrong."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Make it. The tables' policies and rights hold for columns that are added."""
    run = op.get_bind().exec_driver_sql
    run("ALTER TABLE call ADD COLUMN flag TEXT DEFAULT '' NOT NULL")
    run("ALTER TABLE call ADD COLUMN flagged_by TEXT DEFAULT '' NOT NULL")
    run("ALTER TABLE call ADD COLUMN flagged_at TIMESTAMP WITH TIME ZONE")
    run("ALTER TABLE call ADD COLUMN shares INTEGER DEFAULT 0 NOT NULL")
    run("ALTER TABLE call_result ADD COLUMN corrections JSONB DEFAULT '{}' NOT NULL")


def downgrade() -> None:
    """There is no way back: what people have written would be lost."""
    raise NotImplementedError("0015 cannot be undone: restore the backup that was made before it")
