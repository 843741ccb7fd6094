"""Vault."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make it."""


def downgrade() -> None:
    """Undo it."""
