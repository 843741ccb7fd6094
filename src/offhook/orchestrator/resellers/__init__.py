"""Resellers: who sells under its own brand to tenants."""
