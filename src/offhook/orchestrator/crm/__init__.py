"""The built-in CRM."""
