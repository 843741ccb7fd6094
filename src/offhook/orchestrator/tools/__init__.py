"""What scripts may do in a call."""
