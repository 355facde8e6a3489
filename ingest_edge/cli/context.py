"""What the group hands to its commands."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import NoReturn

import click

from ingest_edge.cli.output import Output
from ingest_edge.cli.running import Command, run_command
from ingest_edge.settings import EdgeSettings

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")


@dataclass(frozen=True)
class EdgeContext:
    """The settings in force."""

    settings: EdgeSettings

    def run(self, command: Command, *, as_json: bool) -> NoReturn:
        """Run a command and leave the process with its exit code."""
        sys.exit(run_command(command, self.settings, Output(as_json=as_json)))


pass_edge = click.make_pass_decorator(EdgeContext)
