"""Campaigns against the delivery contract: what is committed arrives, once by its key, in order.

Each module is a program, `python -m campaigns.NAME --help`. It prints a table and exits with 1 when
a reading was lost, came twice under two keys, or came out of order in its lane.
"""
