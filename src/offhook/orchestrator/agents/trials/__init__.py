"""Trying an agent before it is published: by text, and by voice with tools that answer from fakes."""
