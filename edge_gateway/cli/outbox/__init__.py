"""`edge-gateway outbox`: look into the store, take out what it holds, put back what was lost."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from edge_gateway.cli.outbox import listing, recovery, stats
from edge_gateway.cli.outbox.export import FORMATS, Wish, export, since
from edge_gateway.cli.outbox.place import Place, add_place_arguments, find, user_of
from edge_gateway.cli.terminal import CommandError, Exit, err, print_json
from edge_gateway.clock import Clock, SystemClock
from edge_gateway.outbox import OutboxError
from edge_gateway.outbox.records import LANES_BY_PRIORITY
from edge_gateway.reading import Lane

_LISTED = 50

_EPILOG = """\
All but recover only read: they are safe on the store of a running gateway.
Exit code 1 also when a block could not be read, or when recover left something out.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = _EPILOG
    what = parser.add_subparsers(title="what", metavar="WHAT", dest="what", required=True)
    for name, summary in (
        ("stats", "how much waits, for whom, and how long there is room"),
        ("ls", "the blocks, the oldest first, and who still needs them"),
        ("export", "all that is in it as CSV, JSON lines or SenML; also of a damaged store"),
        ("recover", "move what can be read of a store that was set aside into the one in use"),
    ):
        sub = what.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        add_place_arguments(sub)
        sub.add_argument("--json", action="store_true", help="JSON; of blocks one object a line")
        if name in {"ls", "export"}:
            lanes = [str(lane) for lane in LANES_BY_PRIORITY]
            sub.add_argument("--lane", choices=lanes, help="of this lane only")
        if name == "ls":
            sub.add_argument(
                "--limit", type=int, default=_LISTED, metavar="N", help="so many; 0 shows all"
            )
        elif name == "export":
            _add_export_arguments(sub)
        elif name == "recover":
            _add_recover_arguments(sub)


def run(arguments: argparse.Namespace) -> Exit:
    """Do it; a store that cannot be used is a sentence and exit code 4."""
    place = find(arguments)
    clock = SystemClock(trusted=place.is_clock_trusted)
    try:
        match arguments.what:
            case "stats":
                stats.show(place, clock, as_json=arguments.json)
            case "ls":
                limit = arguments.limit if arguments.limit > 0 else None
                lanes = _lanes(arguments)
                listing.show(place, clock, lanes, limit, as_json=arguments.json)
            case "export":
                return _export(arguments, place, clock)
            case _:
                return _recover(arguments, place, clock)
    except OutboxError as error:
        hint = "; `edge-gateway outbox export` takes out what can be read"
        is_damaged = "damaged" in str(error) and arguments.what in {"stats", "ls"}
        raise CommandError(f"{error}{hint if is_damaged else ''}", Exit.INPUT) from error
    return Exit.DONE


def _add_export_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=FORMATS, help="default csv; jsonl is --json")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="instead of stdout; whole or not at all"
    )
    parser.add_argument("--force", action="store_true", help="replace FILE")
    parser.add_argument(
        "--since", metavar="WHEN", help="from then on: 2h, 30m, 7d, or a date in ISO 8601"
    )
    parser.add_argument("--gateway", metavar="ID", help="its id, where there is no configuration")


def _add_recover_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the store that was set aside")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--dry-run", action="store_true", help="only say what can be read")
    how.add_argument("--yes", action="store_true", help="do not ask")


def _lanes(arguments: argparse.Namespace) -> Sequence[Lane]:
    return LANES_BY_PRIORITY if arguments.lane is None else (Lane(arguments.lane),)


def _export(arguments: argparse.Namespace, place: Place, clock: Clock) -> Exit:
    form = arguments.format or ("jsonl" if arguments.json else FORMATS[0])
    if arguments.json and form != "jsonl":
        raise CommandError(f"--json and --format {form} contradict each other", Exit.USAGE)
    start = None
    if arguments.since is not None:
        try:
            start = since(arguments.since, time.time())
        except ValueError as error:
            raise CommandError(
                f"--since {arguments.since}: give 2h, 30m, 7d, or a date like 2026-08-03T14:00Z",
                Exit.USAGE,
            ) from error
    wish = Wish(_lanes(arguments), form, arguments.gateway or place.gateway, start)
    return export(place, clock, wish, arguments.output, force=arguments.force)


def _recover(arguments: argparse.Namespace, place: Place, clock: Clock) -> Exit:
    kept: Path = arguments.file
    if not kept.exists() and not kept.is_absolute() and (place.folder / kept).exists():
        kept = place.folder / kept
    user = user_of(place)
    if user is not None and not arguments.dry_run:
        raise CommandError(
            f"{place.store} is in use by process {user}: stop the gateway first; or look at "
            f"{kept.name} with --dry-run, or take it out with `edge-gateway outbox export`"
        )
    task = recovery.plan(kept, place)
    if arguments.dry_run:
        if arguments.json:
            print_json({"file": str(task.kept), "blocks": task.blocks, "entries": task.entries})
        else:
            err().print(str(task), markup=False)
        return Exit.DONE
    if not arguments.yes:
        err().print(str(task), markup=False)
        _ask(place)
    done = recovery.carry_out(task, place, clock)
    if arguments.json:
        print_json(asdict(done))
    return recovery.tell(done)


def _ask(place: Place) -> None:
    if not sys.stdin.isatty():
        raise CommandError(
            "nothing was changed: give --yes to move it, or --dry-run to look only", Exit.USAGE
        )
    err().print(
        f"Move it into {place.store}? What was delivered before is sent again; consumers that "
        "keep to the key drop it. [y/N] ",
        end="",
        markup=False,
    )
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise CommandError("nothing was changed")
