"""The built-in calendar."""
