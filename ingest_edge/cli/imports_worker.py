"""The process that works on an import in the background."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import click

from ingest_edge.settings import ENVIRONMENT_PREFIX, EdgeSettings

LOG_FOLDER = "imports"
NICENESS = 10
PROGRAM = "pulsemesh-edge"
"""What `ingest_edge.cli.main.main` calls the command."""


def stand_back() -> None:
    """Let everybody else on this machine go first: importing is never urgent.

    Does nothing where the command is not the whole process: niceness cannot be taken back.
    """
    if click.get_current_context().find_root().info_name == PROGRAM:
        os.nice(NICENESS)


def start_worker(settings: EdgeSettings, job_id: str) -> Path:
    """Start a process that outlives this one and works on the import; returns where its log is.

    It gets the settings by its environment: a token must not stand in the list of processes.
    """
    folder = settings.home / LOG_FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = folder / f"{job_id}.log"
    with log.open("ab") as stream:
        subprocess.Popen(
            [sys.executable, "-m", "ingest_edge.cli.main", "imports", "work", job_id, "--json"],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env={**os.environ, **as_environment(settings)},
            start_new_session=True,
        )
    return log


def as_environment(settings: EdgeSettings) -> Mapping[str, str]:
    """The settings in force as variables that `load_settings` reads; paths are made absolute."""
    variables = {}
    for one in fields(EdgeSettings):
        value = getattr(settings, one.name)
        if value is None or value == "":
            continue
        text = os.path.abspath(value) if isinstance(value, Path) else str(value)
        variables[ENVIRONMENT_PREFIX + one.name.upper()] = text
    return variables
