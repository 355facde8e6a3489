"""Failures as people and scripts meet them: a sentence, a hint, an exit code. Never a stack trace."""

from __future__ import annotations

import json
import sys
from enum import IntEnum
from typing import IO, Any

import click

from pulsemesh import errors

__all__ = ["CommandFailure", "Exit", "from_error"]


class Exit(IntEnum):
    """What an exit code of `pulsemesh` means. 2 is click's own, for a command that was not understood."""

    OK = 0
    FAILED = 1
    USAGE = 2
    SIGN_IN = 3
    """Nobody is signed in, or the one who is may not do this."""
    NOT_FOUND = 4
    """There is no such thing, or the abbreviation fits several."""
    UNAVAILABLE = 5
    """The platform cannot be reached, is too busy, or took too long."""
    CONFLICT = 6
    """Someone changed the thing meanwhile."""
    INTERRUPTED = 130


class CommandFailure(click.ClickException):
    """A command that could not do what it was asked to."""

    def __init__(self, message: str, exit_code: Exit = Exit.FAILED, *, hint: str = "") -> None:
        super().__init__(message)
        self.exit_code = int(exit_code)  # type: ignore[misc]  # click reads it from the instance
        self.hint = hint
        self.details: dict[str, Any] = {}
        self.as_json = False

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the failure to standard error."""
        out = file or sys.stderr
        if self.as_json:
            document = {"error": {"message": self.message, "hint": self.hint, **self.details}}
            click.echo(json.dumps(document), file=out)
            return
        click.echo(f"Error: {self.message}", file=out)
        if self.hint:
            click.echo(f"Hint: {self.hint}", file=out)


def from_error(error: errors.PulsemeshError, target: str) -> CommandFailure:
    """Return the failure that stands for an error of the platform at `target`."""
    failure = _judge(error, target)
    failure.details = {"code": error.code.name, "reason": error.reason_name, "request_id": error.request_id}
    return failure


def _judge(error: errors.PulsemeshError, target: str) -> CommandFailure:
    match error:
        case errors.Unauthenticated():
            return CommandFailure(
                f"You are not signed in at {target}.", Exit.SIGN_IN, hint="pulsemesh login NAME"
            )
        case errors.ConsentMissing() | errors.PermissionDenied():
            return CommandFailure(f"Not allowed: {error}", Exit.SIGN_IN)
        case errors.NotFound():
            return CommandFailure(str(error), Exit.NOT_FOUND, hint="pulsemesh list shows what there is")
        case errors.Unavailable() if not error.from_platform:
            return CommandFailure(
                f"The platform at {target} cannot be reached.",
                Exit.UNAVAILABLE,
                hint="is it running? `--target HOST:PORT` names another one",
            )
        case errors.ResourceExhausted() if error.retry_after_s is not None:
            return CommandFailure(
                str(error), Exit.UNAVAILABLE, hint=f"try again in {error.retry_after_s:.0f} s"
            )
        case errors.Unavailable() | errors.ResourceExhausted() | errors.DeadlineExceeded():
            return CommandFailure(str(error), Exit.UNAVAILABLE, hint="try again later")
        case errors.Conflict():
            return CommandFailure(str(error), Exit.CONFLICT, hint="look at it again and repeat the change")
        case errors.InvalidArgument():
            return CommandFailure(str(error), Exit.USAGE)
        case errors.Internal():
            return CommandFailure(
                f"The platform failed: {error}", hint=f"quote request {error.request_id} to whoever runs it"
            )
        case _:
            return CommandFailure(str(error))
