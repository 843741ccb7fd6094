"""Alembic migrations of the orchestrator."""
