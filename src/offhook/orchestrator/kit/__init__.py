"""What every domain's routes need and no domain owns: paging, preconditions, idempotency, rate limits."""
