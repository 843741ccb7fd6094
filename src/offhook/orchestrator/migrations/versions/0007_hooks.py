"""Hooks."""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make it."""


def downgrade() -> None:
    """Undo it."""
