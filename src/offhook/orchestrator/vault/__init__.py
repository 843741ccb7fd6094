"""Secrets by envelope encryption: a data key for every tenant."""
