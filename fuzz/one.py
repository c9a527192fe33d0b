"""Fuzz one target with atheris (libFuzzer, guided by coverage): `python -m fuzz.one NAME CORPUS`.

Words behind the corpus are libFuzzer's own. A failing string is written to the current folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["edge_gateway", "fuzz"]):
    from edge_gateway.drivers import registry
    from fuzz.targets import targets

    for built_in in registry.built_in_names():
        registry.load(built_in)


def main() -> None:
    """Run until libFuzzer's own limits end it."""
    name, corpus = sys.argv[1], Path(sys.argv[2])
    target = next(target for target in targets() if target.name == name)
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    atheris.enabled_hooks.add("RegEx")
    atheris.enabled_hooks.add("str")
    atheris.Setup([sys.argv[0], str(corpus), *sys.argv[3:]], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
