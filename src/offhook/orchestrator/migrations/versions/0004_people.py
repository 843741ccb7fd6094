"""People."""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make it."""


def downgrade() -> None:
    """Undo it."""
