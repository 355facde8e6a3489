"""Writes `ingest_edge/files/fit_encoder/base_type_data.py` from the profile of the installed garmin-fit-sdk.

The decoder's profile table tells enumerations from numbers and no more, since a file says itself in how many
bytes it keeps them. A file that is to be written needs that number. `--check` writes nothing and fails where
the file is not what would be written.

    python tools/generate_fit_base_types.py [--check]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from garmin_fit_sdk import Profile

TARGET = Path(__file__).parents[1] / "ingest_edge" / "files" / "fit_encoder" / "base_type_data.py"

_TIMES = ("date_time", "local_date_time")

_HEAD = '''"""Base types of enumerated FIT fields, made by `tools/generate_fit_base_types.py`: do not edit.

Source: the profile of garmin-fit-sdk {version} (Garmin's public FIT profile), facts only.
"""

from __future__ import annotations

# fmt: off
WIDER_ENUMERATIONS: dict[int, dict[int, str]] = {{
'''


def rendered() -> str:
    """The whole module: by message and field number, where the base type is not the one-byte enum."""
    version = ".".join(str(Profile["version"][part]) for part in ("major", "minor", "patch"))
    lines = [_HEAD.format(version=version)]
    for number, message in sorted(Profile["messages"].items()):
        wider = {
            field_number: field["base_type"]
            for field_number, field in sorted(message["fields"].items())
            if field["type"] not in (field["base_type"], *_TIMES) and field["base_type"] != "enum"
        }
        if wider:
            entries = ", ".join(f'{field_number}: "{kind}"' for field_number, kind in wider.items())
            lines.append(f"    {number}: {{{entries}}},\n")
    return "".join([*lines, "}\n"])


def main() -> int:
    """Write or check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true")
    content = rendered()
    if not parser.parse_args().check:
        TARGET.write_text(content, "utf-8")
        return 0
    if TARGET.read_text("utf-8") == content:
        return 0
    print(f"{TARGET} is out of date", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
