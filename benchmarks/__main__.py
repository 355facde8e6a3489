"""Runs every benchmark, one after the other: `python -m benchmarks [name …]`."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import benchmarks

# What the benchmarks use, and are not themselves.
_PARTS = {"__main__", "gateway_parts", "ingest_load", "ingest_server", "servers"}


def names() -> list[str]:
    """Return the benchmarks there are."""
    found = {module.name for module in pkgutil.iter_modules(benchmarks.__path__)}
    return sorted(found - _PARTS)


def main() -> None:
    chosen = sys.argv[1:] or names()
    unknown = set(chosen) - set(names())
    if unknown:
        sys.exit(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(names())}")
    for name in chosen:
        print(f"\n== {name}", flush=True)
        importlib.import_module(f"benchmarks.{name}").main([])


if __name__ == "__main__":
    main()
