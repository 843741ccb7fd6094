"""Providers that stand in for each other: what failed is replaced in mid-call, what is slow is asked twice, what is down is left alone."""
