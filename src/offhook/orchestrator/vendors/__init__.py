"""Accounts with vendors of speech and language models."""
