"""`edge-gateway privacy`: the notice at the pole and the data-protection text."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from edge_gateway import __version__
from edge_gateway.cli.privacy.permission import read_for_notice
from edge_gateway.cli.terminal import CommandError, Exit, err, print_json
from edge_gateway.people.notice_facts import Facts, NobodyIsCounted, NoticeError, facts_of
from edge_gateway.people.notice_file import SUFFIXES, written
from edge_gateway.people.notice_sheet import qr_content
from edge_gateway.people.notice_statement import statement
from edge_gateway.people.notice_words import LANGUAGES, Language, Words, untranslated

DEFAULT_CONFIG: Final = Path("gateway.toml")

_EPILOG = """\
Both are made of the configuration and of the constants the counting works by. They can be made
before notice_posted = true is set: first the sheet, then the key, then the counting.
Exit code 1: nothing of the configuration counts people, so there is nothing to make.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = _EPILOG
    what = parser.add_subparsers(title="what", metavar="WHAT", dest="what", required=True)
    about = "make the A4 sheet that hangs at the pole: what is counted, and whom to ask"
    notice = what.add_parser("notice", help=about, description=f"{about.capitalize()}.")
    _add_config(notice)
    notice.add_argument(
        "--language", default="ja,en", metavar="LANGUAGES", help="ja, en, or both; default ja,en"
    )
    notice.add_argument(
        "--output", type=Path, metavar="FILE", help="sheet.svg or sheet.pdf; needed without --json"
    )
    about = "print the data-protection text: every field that leaves, recipients, measures"
    text = what.add_parser("statement", help=about, description=f"{about.capitalize()}.")
    _add_config(text)
    text.add_argument("--language", choices=LANGUAGES, default="ja", help="default ja")
    text.add_argument("--output", type=Path, metavar="FILE", help="write it there, as Markdown")


def run(arguments: argparse.Namespace) -> Exit:
    """Make one of the two."""
    permitted = read_for_notice(arguments.config)
    try:
        facts = facts_of(permitted.config, __version__, is_posted=permitted.is_posted)
        if arguments.json:
            print_json(_document(facts))
        if arguments.what == "notice":
            _notice(arguments, facts)
        else:
            _statement(arguments, facts)
    except NobodyIsCounted as error:
        if arguments.json:
            print_json({"counting": False, "why": str(error)})
            return Exit.FAILED
        raise CommandError(str(error), Exit.FAILED) from error
    except NoticeError as error:
        raise CommandError(str(error), Exit.INPUT) from error
    return Exit.DONE


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        type=Path,
        default=DEFAULT_CONFIG,
        metavar="FILE",
        help=f"configuration of the pole; default {DEFAULT_CONFIG}",
    )
    parser.add_argument("--json", action="store_true", help="print what it is made of as JSON")


def _notice(arguments: argparse.Namespace, facts: Facts) -> None:
    output: Path | None = arguments.output
    languages = _languages(arguments.language)
    if output is None:
        if not arguments.json:
            raise CommandError("name the sheet: --output notice.svg or notice.pdf", Exit.USAGE)
        return
    if output.suffix not in SUFFIXES:
        raise CommandError(
            f"--output {output}: a notice is made as {' or '.join(SUFFIXES)}", Exit.USAGE
        )
    _write(output, written(facts, languages, output.suffix))
    missing = list(untranslated(facts.permission)) if "ja" in languages else []
    if missing:
        err().print(f"the Japanese half shows other text: give {', '.join(missing)} under privacy")
    if "ja" in languages:
        err().print("its Japanese letters come from the reader's fonts: look at it before it hangs")


def _statement(arguments: argparse.Namespace, facts: Facts) -> None:
    text = statement(facts, arguments.language)
    if arguments.output is not None:
        _write(arguments.output, text.encode())
    elif not arguments.json:
        sys.stdout.write(text)


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CommandError(f"{path}: cannot be written: {error.strerror}", Exit.FAILED) from error
    err().print(f"wrote {path}")


def _languages(given: str) -> Sequence[Language]:
    words = [word.strip() for word in given.split(",")]
    found: list[Language] = [
        language for word in words for language in LANGUAGES if language == word
    ]
    if len(found) != len(words) or len(set(found)) != len(found):
        raise CommandError(
            f"--language {given}: give {' or '.join(LANGUAGES)}, or both with a comma", Exit.USAGE
        )
    return found


def _document(facts: Facts) -> dict[str, object]:
    document = asdict(facts)
    document["permission"] = facts.permission.model_dump(mode="json") | {
        "notice_posted": facts.is_posted
    }
    return {
        "counting": True,
        **document,
        "qr": qr_content(facts),
        "untranslated": list(untranslated(facts.permission)),
        "sheet": {
            language: {part.key: list(part.sentences) for part in Words(facts, language).parts()}
            for language in LANGUAGES
        },
    }
