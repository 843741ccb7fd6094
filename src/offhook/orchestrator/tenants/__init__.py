"""Tenants, agents and numbers: who is rung."""
