"""offhook: a self-hosted voice AI platform that answers businesses' phone calls."""

__version__ = "0.1.0"
