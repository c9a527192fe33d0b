"""Is anybody left in an anonymized picture? `python -m benchmarks.privacy`."""
