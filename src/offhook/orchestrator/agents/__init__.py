"""Agents: versioned configuration of who answers."""
