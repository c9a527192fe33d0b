"""Hostile bytes for every parser: `make fuzz`, and a short round of it in the tests."""
