"""Opening a client's portal as one of its agency: with a reason, for half an hour, and written down in the client's own log."""
