"""Calls."""

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make it."""


def downgrade() -> None:
    """Undo it."""
