"""Tenancy."""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make it."""


def downgrade() -> None:
    """Undo it."""
