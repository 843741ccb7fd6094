"""Calls: plans, events, results."""
