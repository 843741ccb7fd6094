"""Whom a tenant's calls may be sent to, and how many of them: against toll fraud."""
