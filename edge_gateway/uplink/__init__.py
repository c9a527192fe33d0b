"""Batches to the broker: sent at least once, removed from the outbox when acknowledged."""
