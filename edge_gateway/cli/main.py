"""The `edge-gateway` command: finds the subcommand, runs it, turns mistakes into sentences."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn, Protocol, cast

from edge_gateway import __version__
from edge_gateway.cli.terminal import EXIT_CODES, CommandError, Exit, err
from edge_gateway.config_file import ConfigError, nearest


class Command(Protocol):
    """What the file of a subcommand holds."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare its arguments."""
        ...

    def run(self, arguments: argparse.Namespace) -> Exit:
        """Do it; raises CommandError or ConfigError for a person's mistake."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A subcommand: the file it lives in, loaded only when it is used, and its line of help."""

    module: str
    summary: str
    hidden: bool = False


COMMANDS: Mapping[str, Entry] = {
    "demo": Entry("demo", "a pole in a box: the whole road on this machine in 90 seconds"),
    "run": Entry("run", "the gateway itself: devices to broker until it is told to stop"),
    "rig": Entry("rig", "the gateway among simulated devices, and their faults by hand"),
    "check": Entry("check", "say what is wrong with a configuration, without touching hardware"),
    "privacy": Entry("privacy", "the notice at the pole, and the data-protection text"),
    "config": Entry("config", "print a complete commented sample configuration"),
    "devices": Entry("devices", "list the supported devices, or find the connected ones (scan)"),
    "read": Entry("read", "show what one device gives now"),
    "record": Entry("record", "write down the talk of a live device"),
    "replay": Entry("replay", "show what the driver makes of a recorded talk"),
    "tail": Entry("tail", "show what gateways send to a broker, as it comes"),
    "outbox": Entry("outbox", "look into the store of readings, export it, recover it"),
    "count": Entry("count", "count people in a video, per line and direction"),
    "detect": Entry("detect", "print the people found in each frame of a video"),
    "bench": Entry("bench", "how fast this machine counts people, stage by stage"),
    "counter": Entry("counter", "the camera's own process; started by the gateway", hidden=True),
}

_EPILOG = "exit codes:\n" + "\n".join(f"  {code}  {text}" for code, text in EXIT_CODES.items())


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise CommandError(f"{message}\ntry: {self.prog} --help", Exit.USAGE)


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """Build the parser: all subcommands by name, and the arguments of `only` (or of all)."""
    top = _Parser(
        prog="edge-gateway",
        description="Firmware of a street-pole sensor gateway: weather and people counts to MQTT.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"edge-gateway {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for name, entry in COMMANDS.items():
        if entry.hidden:
            sub = commands.add_parser(name)
        else:
            sub = commands.add_parser(
                name,
                help=entry.summary,
                description=f"{entry.summary[0].upper()}{entry.summary[1:]}.",
                formatter_class=argparse.RawDescriptionHelpFormatter,
            )
        if only in (None, name):
            _load(name).add_arguments(sub)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(words)
    except ConfigError as error:
        for line in error.lines():
            err().print(f"[red]error:[/] {_plain(line)}")
        return Exit.CONFIG
    except CommandError as error:
        err().print(f"[red]error:[/] {_plain(str(error))}")
        return error.code
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing to tell, nobody to tell it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except KeyboardInterrupt:
        err().print("stopped")
        return Exit.FAILED


def _dispatch(words: Sequence[str]) -> Exit:
    name = next((word for word in words if not word.startswith("-")), None)
    if name is not None and name not in COMMANDS:
        shown = [known for known, entry in COMMANDS.items() if not entry.hidden]
        raise CommandError(f"no command {name!r}; {nearest(name, shown)}", Exit.USAGE)
    top = parser(only=name or "")
    arguments = top.parse_args(words)
    if name is None:
        top.print_help()
        return Exit.USAGE
    return _load(name).run(arguments)


def _load(name: str) -> Command:
    return cast("Command", importlib.import_module(f"edge_gateway.cli.{COMMANDS[name].module}"))


def _plain(text: str) -> str:
    return text.replace("[", r"\[")
