"""SenML JSON as a format: one message a batch, on the topic of its lane."""

from __future__ import annotations

from collections.abc import Iterator

from edge_gateway.uplink.batch import Batch
from edge_gateway.uplink.payloads import Message, Pole, lane_of, senml
from edge_gateway.uplink.payloads.stateless import Stateless


def messages(batch: Batch, pole: Pole) -> Iterator[Message]:
    """One message: the pack."""
    topic = pole.topic(lane_of(batch.columns))
    yield Message(topic, senml.encode(batch), senml.CONTENT_TYPE)


FORMAT = Stateless("senml", messages, may_squeeze=True, is_lossless=True)
