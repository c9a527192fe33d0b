"""`edge-gateway outbox ls`: the blocks of a store, and who still needs each."""

from __future__ import annotations

from collections.abc import Sequence

from edge_gateway.cli.outbox.dates import dated
from edge_gateway.cli.outbox.place import Place, consumers_of
from edge_gateway.cli.outbox.stats import in_bytes
from edge_gateway.cli.tail_pages import iso8601
from edge_gateway.cli.terminal import err, out, print_json
from edge_gateway.clock import Clock
from edge_gateway.outbox import OutboxReader, StoredBlock
from edge_gateway.outbox.account import sums
from edge_gateway.reading import Lane

_HEAD = (
    f"{'lane':<10} {'number':>9}  {'from':<24}  {'to':<24} {'entries':>8} {'bytes':>9}  needed by"
)


def show(
    place: Place, clock: Clock, lanes: Sequence[Lane], limit: int | None, *, as_json: bool
) -> None:
    """Print the oldest `limit` of them, the highest lane first. Raises OutboxError."""
    with OutboxReader(place.store) as books:
        names = consumers_of(place, books.removed)
        listed = 0
        if not as_json:
            out().print(_HEAD)
        for lane in lanes:
            left = None if limit is None else limit - listed
            for block in books.blocks(lane, left):
                listed += 1
                needed_by = books.needed_by(names, lane, block.handle.sequence)
                if as_json:
                    print_json(_document(block, books, clock, needed_by), indent=None)
                else:
                    out().print(_line(block, books, clock, needed_by), markup=False)
        totals = books.stats()
        more = sums(size for lane, size in totals.items() if lane in lanes).blocks - listed
    if more > 0 and not as_json:
        err().print(f"and {more} more: --limit 0 shows all")


def _document(
    block: StoredBlock, books: OutboxReader, clock: Clock, needed_by: Sequence[str]
) -> dict[str, object]:
    first, last = _span(block, books, clock)
    return {
        "lane": str(block.lane),
        "sequence": block.handle.sequence,
        "key": block.key,
        "boot": block.boot_id,
        "first": first,
        "last": last,
        "first_since_boot_s": block.first_us / 1e6,
        "last_since_boot_s": block.last_us / 1e6,
        "entries": block.entries,
        "bytes": len(block.payload),
        "needed_by": list(needed_by),
    }


def _line(block: StoredBlock, books: OutboxReader, clock: Clock, needed_by: Sequence[str]) -> str:
    first, last = _span(block, books, clock)
    if first is None or last is None:
        first = f"boot {block.boot_id[:4]} + {block.first_us / 1e6:.3f} s"
        last = f"+ {block.last_us / 1e6:.3f} s"
    origin = "" if block.key == f"{books.store}/{block.handle.sequence}" else f"  as {block.key}"
    who = ", ".join(needed_by) or "nobody"
    return (
        f"{block.lane:<10} {block.handle.sequence:>9}  {first:<24}  {last:<24} "
        f"{block.entries:>8} {in_bytes(len(block.payload)):>9}  {who}{origin}"
    )


def _span(block: StoredBlock, books: OutboxReader, clock: Clock) -> tuple[str | None, str | None]:
    ends = (
        dated(clock, books.clock_of, block.boot_id, us) for us in (block.first_us, block.last_us)
    )
    first, last = (None if one is None else iso8601(one) for one in ends)
    return first, last
