"""Callers put through to people."""
