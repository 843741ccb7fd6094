"""What is kept of business systems: who has which number, and what helps in a call with them."""
