"""Connections: a tenant's authorised links to business systems."""
