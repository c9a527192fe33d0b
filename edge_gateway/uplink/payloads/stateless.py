"""A format that is a pure function from batch and pole to messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from edge_gateway.uplink.batch import Batch
from edge_gateway.uplink.payloads import Message, Pole, PoleIncomplete


@dataclass(frozen=True, slots=True)
class Stateless:
    """Implements `Format`; `messages` is the function."""

    name: str
    messages: Callable[[Batch, Pole], Iterable[Message]]
    needs: tuple[str, ...] = ()
    may_squeeze: bool = False
    is_lossless: bool = False

    def will(self, pole: Pole) -> Message | None:  # noqa: ARG002  the contract's, not ours
        """None of its own."""
        return None

    def begin(self) -> None:
        """Nothing has to be said once."""

    def encode(self, batch: Batch, pole: Pole) -> Iterable[Message]:
        """As the contract says."""
        demand(self.name, self.needs, pole)
        return self.messages(batch, pole)


def demand(name: str, needs: tuple[str, ...], pole: Pole) -> None:
    """Raise PoleIncomplete unless `pole` has what the format `name` needs."""
    without = [field for field in needs if getattr(pole, field) in {None, ""}]
    if without:
        raise PoleIncomplete(f"payload {name!r} needs {', '.join(without)} of the pole")
