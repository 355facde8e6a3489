"""Options that several commands share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from pulsemesh.type.v1 import sport_pb2

__all__ = ["SportName", "json_option", "moment"]

json_option = click.option("--json", "as_json", is_flag=True, help="Write JSON, for programs.")


class SportName(click.ParamType[int]):
    """A sport by its name: `cycling`, `cross-country-skiing`."""

    name = "sport"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the sport's number."""
        if isinstance(value, int):
            return value
        name = "SPORT_" + str(value).strip().upper().replace("-", "_").replace(" ", "_")
        known = sport_pb2.Sport.keys()[1:]
        if name not in known:
            names = (key.removeprefix("SPORT_").lower().replace("_", "-") for key in known)
            self.fail(f"{value!r} is no sport; there are {', '.join(names)}", param, ctx)
        return sport_pb2.Sport.Value(name)


def moment(naive: datetime | None) -> datetime | None:
    """Return a moment that was written without a zone: it is meant by the clock of this machine."""
    return naive.astimezone(UTC) if naive is not None else None
