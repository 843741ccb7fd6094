"""Numbers."""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make it."""


def downgrade() -> None:
    """Undo it."""
