"""What type checking holds the counter to: its one way out takes the four messages and no more."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args, get_type_hints

import numpy as np
import pytest

from edge_gateway.people.boundary import (
    Counts,
    Coverage,
    EncodedPicture,
    Health,
    Message,
    encode,
)
from edge_gateway.people.counter_process import Outgoing
from edge_gateway.people.watch import run_counter


def test_a_message_is_one_of_four() -> None:
    assert set(get_args(Message)) == {Counts, Coverage, Health, EncodedPicture}


def test_the_loop_is_given_a_way_out_for_messages_alone() -> None:
    assert get_type_hints(run_counter)["out"] == Callable[[Message], None]


@pytest.mark.parametrize("way_out", [Outgoing.send, encode])
def test_the_socket_and_the_encoder_take_messages_alone(way_out: Callable[..., object]) -> None:
    assert get_type_hints(way_out)["message"] == Message


@pytest.mark.parametrize("anything", [np.zeros((4, 4, 3), np.uint8), b"bytes", "words", 1, None])
def test_what_got_past_the_type_checker_is_refused_by_the_encoder(anything: object) -> None:
    with pytest.raises(TypeError, match="may not leave"):
        encode(anything)  # pyright: ignore[reportArgumentType] - what the types forbid
