"""What a business needs to know of its day, and what somebody has to do."""
