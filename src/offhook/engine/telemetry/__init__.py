"""What an engine tells about itself: Prometheus metrics, OpenTelemetry spans, the ladder of every answer.

Nothing here waits, and nothing here can fail a call: what cannot be kept or sent is dropped and counted.
"""
