"""Simulators of business systems: they hold state, enforce what the vendor's documents say, and fail as vendors do."""
