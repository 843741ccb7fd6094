"""Tables of resellers."""
