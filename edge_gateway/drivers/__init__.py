"""Bytes to numbers: one file per device, all by the contract in `contract.py`."""
