"""Simulated devices that speak the real wire formats, with faults on demand."""
