"""Webhooks to customers: events out, with attempts and replay."""
