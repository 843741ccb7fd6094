"""Recordings: taken over from engines, encrypted, served, deleted."""
