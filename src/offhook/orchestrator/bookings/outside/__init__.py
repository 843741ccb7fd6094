"""The tenant's other calendars: when they are busy, and the visits that are written there."""
