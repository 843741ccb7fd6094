"""Calls that are under way: seen and steered."""
