"""Gateways measured side by side: `python -m benchmarks.peers --help`.

A run, from left to right, every box a process of its own:

    feeder -> the gateway under test -> proxy -> upstream broker -> collector

Reading number g has the value g and comes from sensor g modulo 50, so that the collector can
account for every one of them. The gateways are `ours`, `mosquitto` and `thingsboard`.
"""
