"""Contacts."""

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make it."""


def downgrade() -> None:
    """Undo it."""
