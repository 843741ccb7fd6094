"""The paperwork of calls: what each becomes in the business's own systems, and who is told."""
