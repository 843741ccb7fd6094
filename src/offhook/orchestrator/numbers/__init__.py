"""Numbers: which DID is answered by which agent, and how many calls at once."""
