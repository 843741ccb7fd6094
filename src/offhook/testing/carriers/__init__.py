"""Simulators of carriers: they hold accounts, numbers and calls, and carry out the documents that our webhooks answer with."""
