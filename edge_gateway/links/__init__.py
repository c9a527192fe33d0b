"""Bytes in and out: the only place that touches a wire."""
