"""Firmware for street-pole sensor gateways: from the wire to the broker."""

__version__ = "0.1.0"
