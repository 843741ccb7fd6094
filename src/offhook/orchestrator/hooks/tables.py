"""Tables of hooks."""
